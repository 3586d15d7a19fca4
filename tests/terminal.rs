//! What is printed: colours for terminals alone, JSON for programs.

mod common;

use common::{fixture, unet_lens};
use serde_json::Value;
use std::path::Path;

/// A command for each that prints in colours. `@` is the folder of fixtures.
const COLORED: &[&str] = &[
    "--layer down --model @tiny.h5 --count 3 --steps 2 --backend cpu --threads 1",
    "check --layer down --model @tiny.h5 --points 4 --backend reference",
];

fn output(folder: &Path, line: &str, variables: &[(&str, &str)]) -> (String, String) {
    let fixtures = fixture("").display().to_string();
    let mut command = unet_lens(folder);
    command.args(line.split(' ').map(|word| word.replace('@', &fixtures)));
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// The text without colours.
fn stripped(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn colors_are_for_terminals_or_whoever_asks() {
    let folder = tempfile::tempdir().unwrap();
    for line in COLORED {
        let (plain, _) = output(folder.path(), line, &[]);
        assert!(!plain.contains('\u{1b}') && !plain.is_empty(), "{line}: {plain:?}");
        let (colored, _) = output(folder.path(), &format!("{line} --color always"), &[]);
        assert!(colored.contains("\u{1b}[32m"), "{line}: {colored:?}");
        assert_eq!(stripped(&colored), plain, "{line}");
        for (flag, variables) in
            [("never", &[][..]), ("auto", &[("NO_COLOR", "1")]), ("never", &[("CLICOLOR_FORCE", "1")])]
        {
            let (text, _) = output(folder.path(), &format!("{line} --color {flag}"), variables);
            assert_eq!(text, plain, "{line} --color {flag}, {variables:?}");
        }
    }
    // So it is with what is wrong.
    let wrong = "--layer none --model @tiny.h5";
    let (_, plain) = output(folder.path(), wrong, &[]);
    let (_, colored) = output(folder.path(), &format!("{wrong} --color always"), &[]);
    assert!(plain.starts_with("unet-lens: ") && colored.starts_with("\u{1b}["), "{plain:?} {colored:?}");
    assert_eq!(stripped(&colored), plain);
}

/// On a terminal itself, which `script` of util-linux makes.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colors_unless_no_color_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!(
        "{} check --layer down --model {} --points 2 --backend reference --quiet",
        env!("CARGO_BIN_EXE_unet-lens"),
        fixture("tiny.h5").display()
    );
    let on_terminal = |no_color: Option<&str>| {
        let mut command = std::process::Command::new("script");
        command
            .args(["-qec", &line, "/dev/null"])
            .current_dir(folder.path())
            .env("TERM", "xterm")
            .env_remove("NO_COLOR");
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        command
            .stdin(std::process::Stdio::null())
            .output()
            .ok()
            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
    };
    let Some(text) = on_terminal(None).filter(|text| text.contains("agree")) else {
        println!("skipped: there is no `script` here");
        return;
    };
    assert!(text.contains("\u{1b}[32m"), "{text:?}");
    let text = on_terminal(Some("1")).unwrap();
    assert!(!text.contains('\u{1b}') && text.contains("agree"), "{text:?}");
}

/// The documents that a command prints, one on a line.
fn documents(folder: &Path, line: &str) -> Vec<Value> {
    let (out, err) = output(folder, &format!("{line} --json"), &[]);
    assert!(!out.is_empty(), "{line}: {err}");
    out.lines().map(|text| serde_json::from_str(text).unwrap_or_else(|e| panic!("{line}: {e}: {text}"))).collect()
}

#[test]
fn a_climb_as_json_has_what_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let all = documents(folder.path(), "--layer all --model @tiny.h5 --count 2 --steps 2 --backend cpu --quiet");
    let names: Vec<&str> = all.iter().map(|document| document["layer"].as_str().unwrap()).collect();
    assert_eq!(names, ["down", "code", "up_conv", "final"]);
    let (table, _) = output(folder.path(), COLORED[0], &[]);
    let one = &documents(folder.path(), COLORED[0])[0];
    let filters = one["filters"].as_array().unwrap();
    assert_eq!(filters.len(), 3);
    for (filter, row) in filters.iter().zip(table.lines().skip(2)) {
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells[0], filter["filter"].to_string());
        for (cell, key) in [(cells[1], "before"), (cells[2], "after")] {
            let (shown, exact): (f64, f64) = (cell.parse().unwrap(), filter[key].as_f64().unwrap());
            assert!((shown - exact).abs() <= 1e-3 * exact.abs() + 1e-12, "{row}: {filter}");
        }
        assert!(row.contains(filter["verdict"].as_str().unwrap()), "{row}: {filter}");
    }
    let files: Vec<&str> = one["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    assert_eq!(files, ["out/down.png"]);
    assert!(folder.path().join(files[0]).is_file());
}

#[test]
fn the_table_of_layers_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let all = documents(folder.path(), "summary");
    let layers = all[0]["layers"].as_array().unwrap();
    let parameters: u64 = layers.iter().map(|layer| layer["parameters"].as_u64().unwrap()).sum();
    assert_eq!(parameters, all[0]["trainable"].as_u64().unwrap() + all[0]["non_trainable"].as_u64().unwrap());
    assert_eq!(layers[0]["output"], serde_json::json!([128, 128, 1]));
    assert_eq!(layers[1]["inputs"], serde_json::json!([layers[0]["name"]]));
    let (table, _) = output(folder.path(), "summary", &[]);
    let digits: String = table.lines().find(|line| line.starts_with("Total")).unwrap().chars().collect();
    assert!(digits.replace([',', '_', ' '], "").contains(&parameters.to_string()), "{digits}: {parameters}");
    // What is not computed is said, what is open is null.
    let layers = &documents(folder.path(), "summary --model @keras/layers/lambdas_k3.keras")[0];
    assert!(layers["not_computed"][0].as_str().unwrap().contains("--lambda"), "{layers}");
}

#[test]
fn checks_and_scores_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let check = &documents(folder.path(), COLORED[1])[0];
    assert_eq!((&check["layer"], &check["agrees"]), (&"down".into(), &true.into()));
    assert_eq!(check["points"].as_array().unwrap().len(), 4);
    assert!(check["points"][0]["direction"].as_str().unwrap().starts_with("pixel "), "{check}");
    assert!(check["worst"].as_f64().unwrap() < 1e-6);

    let line = "restore --count 2 --backend cpu";
    let restored = &documents(folder.path(), line)[0];
    let (table, _) = output(folder.path(), line, &[]);
    for image in restored["images"].as_array().unwrap() {
        let row = table.lines().find(|row| row.starts_with(image["name"].as_str().unwrap())).unwrap();
        for which in ["aliased", "restored"] {
            let psnr = format!("{:.2} dB", image[which]["psnr"].as_f64().unwrap());
            assert!(row.contains(&psnr), "{row}: {psnr}");
        }
    }
    assert_eq!(restored["files"], serde_json::json!(["out/restore.png"]));
}

#[test]
fn adapters_and_measurements_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let adapters = &documents(folder.path(), "adapters")[0];
    let (text, _) = output(folder.path(), "adapters", &[]);
    assert!(text.contains(&format!("--backend auto takes: {}\n", adapters["auto"].as_str().unwrap())), "{text}");
    for adapter in adapters["adapters"].as_array().unwrap() {
        assert!(text.contains(adapter["name"].as_str().unwrap()), "{text}");
        assert!(text.contains(adapter["kind"].as_str().unwrap()), "{text}: {adapter}");
    }
    let line = "bench --model @tiny.h5 --layer down --backend cpu --rounds 1";
    let printed = &documents(folder.path(), line)[0];
    assert_eq!(printed[0]["layer"], "down");
    // With a name it goes to that file, and the table is printed.
    let (table, err) = output(folder.path(), &format!("{line} --json bench.json"), &[]);
    assert!(table.contains("kernel") && table.ends_with("bench.json\n"), "{table} {err}");
    let file: Value = serde_json::from_slice(&std::fs::read(folder.path().join("bench.json")).unwrap()).unwrap();
    assert_eq!(file[0]["kernels"], printed[0]["kernels"]);
}

/// A name that would turn the direction of what follows is spelled out, in JSON's own way.
#[test]
fn nothing_in_json_is_an_order_to_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let archive = std::fs::read(fixture("keras/unet_k3.keras")).unwrap();
    let config = String::from_utf8(common::archive::entry(&archive, "config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["config"]["name"] = "a\u{85}b".into();
    let weights = common::archive::entry(&archive, "model.weights.h5");
    let bytes =
        common::archive::zip_of(&[("config.json", config.to_string().as_bytes()), ("model.weights.h5", &weights)]);
    std::fs::write(folder.path().join("named.keras"), bytes).unwrap();
    let (out, _) = output(folder.path(), "summary --json --model named.keras", &[]);
    assert!(!out.contains('\u{85}'), "{out:?}");
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["name"], "a\u{85}b");
}
