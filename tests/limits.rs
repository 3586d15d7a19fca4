//! Memory: what a job takes is counted before it is taken. The program runs in an address space that is hardly larger than it may
//! be; one allocation that nobody has counted ends it by a signal, or by a panic, and that is seen here.
#![cfg(target_os = "linux")]

mod common;

use common::{fixture, names};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs the program in `folder` with `mib` of address space; `@` is the folder of fixtures.
fn within(folder: &Path, mib: u64, line: &str) -> Output {
    let fixtures = fixture("").display().to_string();
    Command::new("sh")
        .args(["-c", "ulimit -v \"$0\" && exec \"$@\"", &(mib << 10).to_string(), env!("CARGO_BIN_EXE_unet-lens")])
        .args(line.split_whitespace().map(|word| word.replace('@', &fixtures)))
        .current_dir(folder)
        .output()
        .unwrap()
}

/// It refuses with these words, and leaves nothing behind.
fn refused(mib: u64, line: &str, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = within(folder.path(), mib, line);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}: {:?} {err}", output.status);
    words.iter().for_each(|words| assert!(err.contains(words), "{line}: '{words}' is not in: {err}"));
    assert_eq!(names(folder.path()), [""; 0], "{line}");
}

/// It does what it is asked to.
fn done(mib: u64, line: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = within(folder.path(), mib, line);
    assert!(output.status.success(), "{line}: {:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// A Fourier matrix of the long side would have 17 and 4000 GB.
#[test]
fn waves_need_no_matrix() {
    let fourier = "--layer dconv64 --count 1 --steps 1 --backend cpu --parameter fourier";
    done(1500, &format!("{fourier} --size 16x65536 --memory 500MB"));
    refused(1500, &format!("{fourier} --size 16x1000000 --memory 500MB"), &["of memory", "the limit is", "--memory"]);
    let reference = format!("{fourier} --size 16x1000000 --memory 500MB --backend reference");
    refused(1500, &reference.replace("--backend cpu ", ""), &["of memory", "the limit is"]);
}

/// What an image takes is counted before it is made.
#[test]
fn images_are_counted_before_they_are_made() {
    let large = "--size 100000000x16 --memory 100MB --backend cpu";
    refused(1000, &format!("explain {large}"), &["6.0 GiB of memory", "the limit is 95.4 MiB"]);
    refused(1000, &format!("check --layer dconv64 {large}"), &["6.0 GiB of memory", "the limit is 95.4 MiB"]);
}

/// So are the pictures that are read: 24 megapixels are 400 MB while they are decoded.
#[test]
fn pictures_are_counted_before_they_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), 6000, 4000);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header().unwrap().write_image_data(&vec![7; 6000 * 4000 * 3]).unwrap();
    for line in ["dream LARGE --layer dconv64", "predict LARGE -o x.png", "activations LARGE", "restore LARGE"] {
        let line = format!("{line} --memory 50MB --backend cpu").replace("LARGE", &path.display().to_string());
        refused(330, &line, &["reading", "large.png", "MiB of memory, the limit is 47.7 MiB"]);
    }
}

/// A link to what has no end is no file of numbers, nor a picture: its first bytes tell.
#[test]
fn files_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["endless.npy", "endless.png"] {
        let path = folder.path().join(name);
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        refused(200, &format!("predict {} -o x.npy --backend cpu", path.display()), &[name, "is not an"]);
    }
}

/// Where nobody says a number, half of what is free to this process may be taken, and not of what the machine has: every job is done
/// or refused, in batches where that helps.
#[test]
fn the_limits_of_the_process_are_known() {
    for mib in [200, 256, 400] {
        for line in ["--layer uconv128 --steps 1", "--layer uconv128 --size 512x512 --steps 1", "restore", "explain"] {
            let folder = tempfile::tempdir().unwrap();
            let output = within(folder.path(), mib, &format!("{line} --backend cpu --threads 2"));
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1)), "{mib} MiB, {line}: {:?} {err}", output.status);
            assert!(!err.contains("panicked"), "{mib} MiB, {line}: {err}");
            assert!(output.status.success() || err.contains("may be taken"), "{mib} MiB, {line}: {err}");
        }
    }
}

/// A group of processes of our own inside the one that we are in, of cgroups version 1 or 2, which is removed in the end.
struct Group(PathBuf);

impl Group {
    /// `None` where none can be made: that takes root, as a rule, and a group that may have others inside.
    fn with(mib: u64) -> Option<Group> {
        let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let (mount, file) = match controllers {
                "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                "" => ("/sys/fs/cgroup", "memory.max"),
                _ => return None,
            };
            let folder = Path::new(mount).join(path.trim_start_matches('/'));
            folder.join("cgroup.procs").is_file().then_some((folder, file))
        });
        let (folder, limit) = own?;
        let group = Group(folder.join(format!("unet-lens-test-{}", std::process::id())));
        std::fs::create_dir(&group.0).ok()?;
        std::fs::write(group.0.join(limit), (mib << 20).to_string()).ok().map(|()| group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// In a container of 256 MB, where whoever takes more is killed: done or refused.
#[test]
fn a_container_of_256_mb() {
    let Some(group) = Group::with(256) else {
        println!("skipped: no group of processes can be made here");
        return;
    };
    let enter = format!("echo $$ >{}/cgroup.procs && exec \"$0\" \"$@\"", group.0.display());
    let large = "--layer uconv128 --size 1024x1024 --steps 1";
    for line in
        ["--layer uconv128 --steps 1", large, "restore --count 1", "explain", "dream LARGE --layer uconv64 --steps 1"]
    {
        let folder = tempfile::tempdir().unwrap();
        let line = line.replace("LARGE", &fixture("camera.png").display().to_string());
        let output = Command::new("sh")
            .args(["-c", &enter, env!("CARGO_BIN_EXE_unet-lens")])
            .args(line.split(' '))
            .args(["--backend", "cpu", "--threads", "2"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{line}: {:?} {err}", output.status);
        assert!(output.status.success() || err.contains("may be taken, half of what is free"), "{line}: {err}");
        println!("{line}: {}", if output.status.success() { "done" } else { err.trim() });
    }
}

/// A GPU without memory left says so, with the number that it was asked for. Mesa's software driver takes it from the address space.
#[test]
fn a_gpu_without_memory_left() {
    let Some(_) = common::open(unet_lens::engine::exec::Backend::Gpu).filter(|gpu| gpu.is_software()) else {
        println!("skipped: there is no software GPU");
        return;
    };
    let line = "--backend gpu --layer uconv128 --count 16 --steps 1 --size 512x512 --memory 100GB --threads 2";
    let mut told = 0;
    for mib in [600, 1000, 1100, 1200] {
        let folder = tempfile::tempdir().unwrap();
        let output = within(folder.path(), mib, line);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{mib} MiB: {:?} {err}", output.status);
        assert!(err.contains("memory left"), "{mib} MiB: {err}");
        told += usize::from(err.contains(" needs ") && err.contains("has no memory left for this job: climb fewer"));
    }
    assert!(told > 0, "never while buffers were made");
}

/// A .keras file whose architecture unpacks to 40 MB, which take more than a gigabyte when they are read.
#[test]
fn an_architecture_that_unpacks_to_no_end() {
    let config = format!("[{}0]", "0,".repeat(20_000_000));
    let file = packed(&[("config.json", config.as_bytes()), ("model.weights.h5", b"")]);
    refused(500, &format!("summary --model {}", file.path().display()), &["config.json", "more than 32.0 MiB"]);
}

#[test]
fn weights_that_unpack_to_no_end() {
    let archive = std::fs::read(fixture("keras/unet_k3.keras")).unwrap();
    let config = common::archive::entry(&archive, "config.json");
    let mut weights = common::archive::entry(&archive, "model.weights.h5");
    weights.resize(400_000_000, 0);
    let file = packed(&[("config.json", &config), ("model.weights.h5", &weights)]);
    refused(350, &format!("summary --model {}", file.path().display()), &["model.weights.h5 unpacks to more than"]);
}

/// The settings of a layer that is used 10,000 times are there once.
#[test]
fn a_layer_that_is_used_very_often() {
    let tensor = |node: usize| {
        let history = if node == 0 { "[\"x\",0,0]".to_string() } else { format!("[\"again\",{},0]", node - 1) };
        format!(
            "{{\"args\":[{{\"class_name\":\"__keras_tensor__\",\"config\":{{\"keras_history\":{history}}}}}],\"kwargs\":{{}}}}"
        )
    };
    const USES: usize = 10_000;
    let nodes: Vec<String> = (0..USES).map(tensor).collect();
    let config = format!(
        "{{\"class_name\":\"Functional\",\"config\":{{\"name\":\"often\",\"layers\":[\
         {{\"class_name\":\"InputLayer\",\"name\":\"x\",\"inbound_nodes\":[],\
         \"config\":{{\"name\":\"x\",\"batch_shape\":[null,4,4,1]}}}},\
         {{\"class_name\":\"ReLU\",\"name\":\"again\",\"inbound_nodes\":[{}],\"config\":{{\"name\":\"again\",\"note\":\"{}\"}}}}],\
         \"input_layers\":[[\"x\",0,0]],\"output_layers\":[[\"again\",{},0]]}}}}",
        nodes.join(","),
        "-".repeat(100_000),
        USES - 1
    );
    let archive = std::fs::read(fixture("keras/unet_k3.keras")).unwrap();
    let weights = common::archive::entry(&archive, "model.weights.h5");
    let file = packed(&[("config.json", config.as_bytes()), ("model.weights.h5", &weights)]);
    done(500, &format!("summary --model {}", file.path().display()));
}

/// A zip archive of these files, compressed.
fn packed(entries: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
    use std::io::Write;
    let file = tempfile::Builder::new().suffix(".keras").tempfile().unwrap();
    let mut archive = zip::ZipWriter::new(file.reopen().unwrap());
    for (name, bytes) in entries {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    file
}
