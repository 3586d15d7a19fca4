//! What is made of the command line's own description: completions and the manual page.

mod common;

use common::unet_lens;

/// What the program prints; it must end well.
fn printed(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = unet_lens(folder.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_completes_commands_and_options() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&["completions", shell]);
        for word in ["dream", "explain", "layer", "colormap"] {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
    }
}

/// Bash itself reads the script, and completes what is typed.
#[test]
fn bash_completes_what_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("completions");
    std::fs::write(&file, printed(&["completions", "bash"])).unwrap();
    let typed = format!(
        "source '{}'; COMP_WORDS=(unet-lens exp); COMP_CWORD=1; _unet__lens unet-lens exp unet-lens; echo \"${{COMPREPLY[*]}}\"",
        file.display()
    );
    let Ok(output) = std::process::Command::new("bash").args(["-c", &typed]).output() else {
        println!("skipped: there is no bash");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "explain");
}

#[test]
fn the_manual_has_every_command_and_the_examples() {
    let page = printed(&["man"]);
    assert!(page.contains(".TH") && page.contains("Examples"), "{page}");
    for command in ["summary", "dream", "restore", "article", "explain", "check", "bench"] {
        assert!(page.contains(&format!("unet\\-lens\\-{command}(1)")), "no {command}");
    }
}

/// The first lines of the help tell what to type first.
#[test]
fn help_begins_with_what_to_type() {
    let help = printed(&["--help"]);
    assert!(help.lines().take(10).any(|line| line.contains("unet-lens --layer uconv128")), "{help}");
}
