//! `unet-lens article`: the pictures and the page.

mod common;

use common::article::{ENGLISH, made, spoken};
use common::{fixture, names, unet_lens};
use std::fs;
use std::process::Command;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::findings::{Shuffle, shuffled};
use unet_lens::lens::ascent::{self, Recipe};
use unet_lens::network::unet;
use unet_lens::page::data_url;
use unet_lens::picture::{Colormap, read_image, strip};

#[test]
fn pictures_and_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = made(folder.path(), "tiny.h5", &["--seed", "3"]);
    let dir = folder.path().join("out/article");
    let files = names(&dir);
    let expected = [
        "activations.png",
        "camera.png",
        "camera_up_conv.png",
        "code.png",
        "down.png",
        "final.png",
        "first-down.png",
        "index.html",
        "output.png",
        "summary.txt",
        "up_conv.png",
    ];
    for file in expected {
        assert!(files.iter().any(|f| f == file), "{file} is not in {files:?}");
    }
    assert_eq!(files.iter().filter(|f| f.starts_with("activations-")).count(), 10, "one for each layer");
    for file in files.iter().filter(|f| f.ends_with(".png")) {
        read_image(dir.join(file)).unwrap();
    }
    // All that is there is listed, and the page comes last.
    let listed: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("out/article/")).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, files);
    assert_eq!(listed.last(), Some(&"index.html"));

    // The same bytes as the commands of their own give, with the verdicts under the filters.
    let model = fixture("tiny.h5").display().to_string();
    let camera = fixture("camera.png").display().to_string();
    let own = tempfile::tempdir().unwrap();
    let rest = ["--seed", "3", "--model", &model, "-q"];
    for arguments in [
        &["findings", "--images", "16", "--out", "own/findings"][..],
        &["--layer", "all", "--out", "own"],
        &["dream", &camera, "--layer", "up_conv", "--out", "own"],
    ] {
        unet_lens(own.path()).args(arguments).args(rest).assert().success();
    }
    let of_their_own = names(&own.path().join("own")).into_iter().filter(|name| !name.contains("findings/"));
    assert_eq!(of_their_own.clone().count(), 5);
    for file in of_their_own {
        let (a, b) = (fs::read(own.path().join("own").join(&file)).unwrap(), fs::read(dir.join(&file)).unwrap());
        assert!(a == b, "{file} differs from what its own command gives");
    }
    let summary = unet_lens(folder.path()).args(["summary", "--model", &model]).output().unwrap().stdout;
    assert_eq!(fs::read(dir.join("summary.txt")).unwrap(), summary);

    let page = fs::read_to_string(dir.join("index.html")).unwrap();
    assert!(page.len() < 15_000_000);
    for id in ["network", "does", "filters", "activations", "dream", "made"] {
        assert!(page.contains(&format!("<section id=\"{id}\">")), "no section {id}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"), "an address of a network");
    assert!(page.contains(&format!("unet-lens article --seed 3 --model {model} --out out/article")), "how it was made");
    assert_eq!(page.matches("<details class=\"filter\"").count(), 5 + 7 + 6 + 1);
    assert!(!page.contains(&*folder.path().to_string_lossy()), "a path of this machine");
    assert!(page.contains("what was measured on 16 phantoms, beside gratings and noise; unet-lens findings shows 64"));
    controls_are_of_shuffled_weights(&page, "up_conv", 6, 3);
}

/// Beside the filters stand the pictures that the same noise becomes in the network with all weights of each kernel shuffled; and
/// not those of the network with its taps shuffled, which still knows how much of which input a filter takes.
fn controls_are_of_shuffled_weights(page: &str, layer: &str, count: usize, seed: u64) {
    let network = common::network("tiny.h5");
    let executor = common::open(Backend::Cpu).unwrap();
    let at = network.layers.iter().position(|of| of.name == layer).unwrap();
    let filters: Vec<usize> = (0..count).collect();
    let image = unet::image_shape(&network, &unet::shown(&network), None).unwrap();
    let on_the_page = |how: Shuffle| -> Vec<bool> {
        let network = shuffled(&network, how, seed, 0).unwrap();
        let recipe = Recipe { seed, keep_frames: false, ..Recipe::default() };
        let job = ascent::Job::new(&*executor, &network, at, &filters, image, recipe).unwrap();
        let noise = ascent::noise(seed, layer, &filters, image, ascent::NOISE);
        let cancel = Cancel::default();
        let climbs = job.climb(&noise, &mut Watch { cancel: &cancel, progress: &mut |_, _| {} }).unwrap();
        let drawn = climbs.into_iter().filter(|climb| climb.verdict.has_picture());
        let shown =
            |picture| page.contains(&data_url(&strip(image.h, image.w, &[picture], Colormap::Viridis, false, 64)));
        drawn.map(|climb| shown(climb.picture)).collect()
    };
    let (weights, taps) = (on_the_page(Shuffle::Weights), on_the_page(Shuffle::Taps));
    assert!(!weights.is_empty() && weights.iter().all(|&is_there| is_there), "{weights:?}");
    assert!(!taps.is_empty() && !taps.contains(&true), "{taps:?}");
}

/// A network that makes aliased phantoms worse is not told of as if it restored them, and the numbers say why.
#[test]
fn no_story_that_was_not_measured() {
    let folder = tempfile::tempdir().unwrap();
    let out = made(folder.path(), "tiny.h5", &["--count", "1"]);
    assert!(out.contains("left out: restored examples: it was not made to undo aliasing"), "{out}");
    let page = fs::read_to_string(folder.path().join("out/article/index.html")).unwrap();
    for word in ["scanner", "phantom of", "came nearer", "restored"] {
        assert!(!page.contains(word), "{word} on the page of a network that restores nothing");
    }
    assert!(page.contains("aliased phantoms have a PSNR of"), "why it is left out");
    assert!(page.contains("Given the photo at 16×12 pixels, it makes 16×12 of one channel"));
}

/// The built-in network does restore. Its pictures are those of the commands of their own.
#[test]
fn a_network_that_restores() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let output = unet_lens(folder.path()).args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("article --layer dconv64 --count 1 --seed 5 --out a -q");
    run("restore --seed 5 --out own -q");
    run("activations phantom --layer dconv64 --seed 5 --out own -q");
    for picture in ["brain.png", "camera.png"] {
        fs::copy(fixture(picture), folder.path().join(picture)).unwrap();
        run(&format!("restore {picture} --seed 5 --out own -q"));
    }
    assert_eq!(names(&folder.path().join("own")).iter().filter(|name| name.starts_with("restore")).count(), 3);
    for file in names(&folder.path().join("own")) {
        let read = |dir: &str| fs::read(folder.path().join(dir).join(&file)).unwrap();
        assert!(read("own") == read("a"), "{file} differs from what its own command gives");
    }
    let page = fs::read_to_string(folder.path().join("a/index.html")).unwrap();
    assert!(page.contains("4 of 4 came nearer") && !page.contains("Left out"), "what it does");
    assert_eq!(page.matches("<details class=\"filter\"").count(), 1);
    assert!(page.contains("circles and rectangles like those of its training, nearer"), "what it was trained on");
    assert!(page.contains("Pictures that are like nothing it was trained on tell more."));
    // What is like nothing that it knows is shown, too, where it becomes worse.
    assert!(page.contains("The brain comes nearer: from") && page.contains("The photograph gets worse: from"));
    // Where a skip and what comes from below are joined, channels of both are seen.
    assert_eq!(page.matches("<figure class=\"travel\" data-skip>").count(), 3);
    for skip in ["conv64_1", "conv128_1", "conv256_1"] {
        assert!(page.contains(&format!("by the skip from {skip}: channels")), "{skip}");
    }
    // What is lost without them was measured.
    for (skip, to) in [("conv64_1", "concatenate_9"), ("conv128_1", "concatenate_8"), ("conv256_1", "concatenate_7")] {
        let told = page.split_once(&format!("Without what {skip} brings to {to} the PSNR falls by "));
        let told = told.unwrap_or_else(|| panic!("nothing of {skip}")).1;
        let (lost, rest) = told.split_once(" dB (95% interval over the phantoms ").unwrap();
        let (low, rest) = rest.split_once(" to ").unwrap();
        let [low, lost, high] = [low, lost, rest.split(')').next().unwrap()].map(|v| v.parse::<f64>().unwrap());
        assert!(0.0 < low && low < lost && lost < high && high < 3.0 * lost, "{skip}: {lost}, {low} to {high}");
    }
    assert!(page.contains("and 16 phantoms, not those that the means are of, restored again"));
    assert!(page.contains("as many other channels do is not told by these numbers: unet-lens findings measures it."));
    // A second seed, and the same filter with shuffled weights.
    assert_eq!(page.matches("Control: all weights of each kernel shuffled</figcaption>").count(), 1);
    assert_eq!(
        page.matches("From another seed; its spectrum correlates").count(),
        2,
        "as text, and for those who do not see"
    );
}

/// A copy of the built-in network was trained on phantoms, as it was; of a file with one byte more it is not known what its network was
/// trained on, though it restores phantoms as well.
#[test]
fn of_another_network_it_is_not_said_what_it_was_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(fixture("unet.h5")).unwrap();
    fs::write(folder.path().join("copy.h5"), &bytes).unwrap();
    bytes.push(0);
    fs::write(folder.path().join("other.h5"), &bytes).unwrap();
    for (model, said, not_said) in [
        (
            "copy.h5",
            ["like those of its training, nearer", "like nothing it was trained on"],
            [OF_ANOTHER, "no phantoms."],
        ),
        ("other.h5", [OF_ANOTHER, "Here are two pictures that are no phantoms."], ["its training", "nothing it was"]),
    ] {
        let line = format!("article --model {model} --layer dconv64 --count 1 --out {model}-page -q");
        unet_lens(folder.path()).args(line.split(' ')).assert().success();
        let page = fs::read_to_string(folder.path().join(format!("{model}-page/index.html"))).unwrap();
        assert!(page.contains("4 of 4 came nearer"), "{model} restores");
        assert!(said.iter().all(|text| page.contains(text)), "{model}: {said:?}");
        assert!(!not_said.iter().any(|text| page.contains(text)), "{model}: {not_said:?}");
    }
}

const OF_ANOTHER: &str = "circles and rectangles like those that the built-in network was trained on, nearer";

/// The article's model was written in Spanish: nothing English is left but names and the program's own messages.
#[test]
fn the_page_in_spanish() {
    let folder = tempfile::tempdir().unwrap();
    let line = "article --layer dconv64 --filters 8,50 --seed 5 --lang es --out a -q";
    unet_lens(folder.path()).args(line.split(' ')).assert().success();
    let page = fs::read_to_string(folder.path().join("a/index.html")).unwrap();
    assert!(page.contains("<html lang=\"es\">") && page.contains("--lang es --out a"));
    for text in [
        "lo que se midió con 16 fantomas, además de rejillas y ruido; unet-lens findings muestra 64",
        "Control: todos los pesos de cada núcleo, barajados",
        "círculos y rectángulos como los de su entrenamiento: de",
    ] {
        assert!(page.contains(text), "{text}");
    }
    // 50 answers to brightness: its picture is marked.
    assert_eq!(page.matches("data-still id=").count(), 1);
    assert!(
        page.contains("En el centro la imagen sigue siendo el ruido")
            && page.contains("50, nivel, aún la semilla en el centro")
    );
    let found = |page: &str| {
        let spoken = spoken(&page[page.find("<body>").unwrap()..page.find("<script").unwrap()]);
        let words: Vec<&str> = spoken.split(|c: char| !c.is_alphabetic()).collect();
        assert!(words.len() > 400, "{}", words.len());
        ENGLISH.into_iter().filter(|english| words.contains(english)).collect::<Vec<_>>()
    };
    assert_eq!(found(&page), [""; 0], "English on the Spanish page");
    // The check finds English where there is some.
    made(folder.path(), "tiny.h5", &["-q"]);
    let english = fs::read_to_string(folder.path().join("out/article/index.html")).unwrap();
    assert!(found(&english).len() > 15, "{:?}", found(&english));
    // What is written on the pictures is translated, too; on a photo nothing is written.
    made(folder.path(), "tiny.h5", &["-q", "--lang", "es", "--out", "es"]);
    let read = |dir: &str, name: &str| fs::read(folder.path().join(dir).join(name)).unwrap();
    let pictures = names(&folder.path().join("es")).into_iter().filter(|name| name.ends_with(".png"));
    let same = pictures.filter(|name| read("es", name) == read("out/article", name));
    assert_eq!(same.collect::<Vec<_>>(), ["camera.png", "camera_up_conv.png"]);
}

/// A picture of one's own, chosen layers and filters; every command on the page draws again what it says, from where the page
/// was made, whatever signs the names hold.
#[test]
fn own_pictures_and_commands_that_work_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("my nets")).unwrap();
    fs::copy(fixture("tiny.h5"), folder.path().join("my nets/it's (1).h5")).unwrap();
    let photo = encode_photo(40, 28);
    fs::write(folder.path().join("my scan.png"), photo).unwrap();
    let line = [
        "article",
        "--model",
        "my nets/it's (1).h5",
        "--image",
        "my scan.png",
        "--layer",
        "up_conv",
        "--layer",
        "code",
    ];
    let rest = ["--filters", "1,3-4", "--out", "the article", "--seed", "2", "-q"];
    unet_lens(folder.path()).args(line).args(rest).assert().success();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let page = String::from_utf8(read("the article/index.html")).unwrap();
    assert!(page.contains("Given my scan.png at 16×12 pixels"), "a network of one size sees it scaled");
    assert!(page.contains("Filter 1 of up_conv, with its values"));
    assert_eq!(page.matches("<details class=\"filter\"").count(), 6);

    let codes = page.split("<code>unet-lens ").skip(1).map(|rest| rest.split("</code>").next().unwrap());
    let mut commands: Vec<String> =
        codes.map(|c| c.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")).collect();
    let article = page.split("<dd>unet-lens ").nth(1).unwrap().split("</dd>").next().unwrap();
    commands.push(article.replace("&#39;", "'"));
    assert_eq!(commands.len(), 6 + 1 + 1, "each filter, the dream, the page: {commands:#?}");
    let before = (read("the article/my scan_up_conv.png"), read("the article/up_conv.png"));
    for command in &commands {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("\"$PROGRAM\" {command} -q")).current_dir(folder.path());
        let output = shell.env("PROGRAM", env!("CARGO_BIN_EXE_unet-lens")).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(read("out/my scan_up_conv.png") == before.0, "the dream, drawn again");
    assert!(read("the article/up_conv.png") == before.1 && read("out/code.png") != before.1);
}

/// A grey picture with something to see.
fn encode_photo(h: u32, w: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(vec![]);
    let pixel = |x, y| image::Luma([((x * x + 3 * y) % 200 + 20) as u8]);
    image::GrayImage::from_fn(w, h, pixel).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[test]
fn choices_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    unet_lens::picture::npy::write(folder.path().join("loud.npy"), &[16, 12], &[3.0; 192]).unwrap();
    let model = fixture("tiny.h5").display().to_string();
    for (arguments, words) in [
        (&["--layer", "dwon"][..], "did you mean down?"),
        (&["--layer", "pool"], "has no filters to climb"),
        (&["--layer", "down", "--filters", "99"], "down has 5 filters, 0 to 4"),
        (&["--count", "0"], "0 is not in 1.."),
        (&["--count", "-3"], "-3"),
        (&["--filters", "1", "--count", "2"], "cannot be used with"),
        (&["--image", "missing.png"], "no such file"),
        (&["--image", "loud.npy"], "value 0 is 3; a dream's are from 0 to 1"),
    ] {
        let output = unet_lens(folder.path()).args(["article", "--model", &model]).args(arguments).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && err.contains(words), "{arguments:?}: {err}");
        assert!(!folder.path().join("out").exists(), "nothing was begun");
    }
}

/// What a network cannot do is left out and said; the rest is there, in colours.
#[test]
fn networks_that_are_not_grey() {
    for (model, image, left_out) in [
        ("seq_k2.h5", "", &["restored examples"][..]),
        ("unet_k2.h5", "", &["what it does", "activations", "dream"]),
        ("unet_k2.h5", "two.npy", &["restored examples"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let values: Vec<f32> = (0..30 * 20 * 2).map(|i| (i * i % 97) as f32 / 97.0).collect();
        unet_lens::picture::npy::write(folder.path().join("two.npy"), &[1, 30, 20, 2], &values).unwrap();
        let chosen = if image.is_empty() { vec!["--out", "here"] } else { vec!["--out", "here", "--image", image] };
        let out = made(folder.path(), &format!("keras/{model}"), &chosen);
        let said: Vec<&str> = out.lines().filter_map(|l| l.strip_prefix("left out: ")?.split(':').next()).collect();
        assert_eq!(said, left_out, "{out}");
        let files = names(&folder.path().join("here"));
        assert!(files.contains(&"index.html".to_string()) && !files.contains(&"restore.png".to_string()), "{files:?}");
        let page = fs::read_to_string(folder.path().join("here/index.html")).unwrap();
        assert_eq!(page.matches("Left out: ").count(), left_out.len());
        assert!(page.contains("<details class=\"filter color\""), "pictures of several channels are in colours");
        assert!(!page.contains("unet-lens findings shows 64"), "no phantoms were shown");
        let colors = if model == "seq_k2.h5" {
            "the colours are the three channels"
        } else {
            "channel 0 magenta, channel 1 green"
        };
        assert!(page.contains(colors), "{colors}");
        assert_eq!(files.contains(&"two_up_conv.png".to_string()), !image.is_empty(), "the dream of it");
    }
}
