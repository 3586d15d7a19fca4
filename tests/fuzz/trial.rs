//! A case: which bytes, and what the program makes of them.

use super::{arrays, line, models, pictures};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use unet_lens::picture::read_images;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    Models,
    Pictures,
    Arrays,
    Lines,
    Corpus,
}

/// What became of a case that did no harm.
pub enum Outcome {
    Refused,
    Taken,
    /// Taken, and something was computed with it.
    Computed,
}

/// What the cases are changed from.
pub enum Seeds {
    Models(models::Seeds),
    Pictures(pictures::Seeds),
    Arrays,
    Lines,
    /// Nothing: files that are there.
    Corpus(Vec<PathBuf>, models::Tools),
}

impl Target {
    pub fn named(name: &str) -> Target {
        let all = [Target::Models, Target::Pictures, Target::Arrays, Target::Lines, Target::Corpus];
        all.into_iter().find(|target| format!("{target:?}") == name).expect("a target")
    }

    /// Keeps a case, and tells where.
    pub fn keep(self, case: u64) -> String {
        let (bytes, extension) = match Seeds::read(self) {
            Seeds::Corpus(files, _) => return files[case as usize].display().to_string(),
            seeds => seeds.case(case),
        };
        let name = format!("{self:?}-{case}.{extension}").to_lowercase();
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(folder().join(&name), bytes).unwrap();
        format!("tests/corpus/{name}")
    }
}

impl Seeds {
    pub fn read(target: Target) -> Seeds {
        match target {
            Target::Models => Seeds::Models(models::Seeds::read()),
            Target::Pictures => Seeds::Pictures(pictures::Seeds::make()),
            Target::Arrays => Seeds::Arrays,
            Target::Lines => Seeds::Lines,
            Target::Corpus => Seeds::Corpus(corpus(), models::Tools::new()),
        }
    }

    /// The bytes of a case, and how the name of their file ends.
    fn case(&self, number: u64) -> (Vec<u8>, String) {
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        match self {
            Seeds::Models(seeds) => (seeds.case(&mut rng), "model".to_string()),
            Seeds::Pictures(seeds) => seeds.case(&mut rng),
            Seeds::Arrays => (arrays::case(&mut rng), "npy".to_string()),
            Seeds::Lines => (line::case(&mut rng).into_bytes(), "txt".to_string()),
            Seeds::Corpus(files, _) => {
                let path = &files[number as usize];
                let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
                (std::fs::read(path).unwrap(), extension)
            }
        }
    }
}

/// Where what once failed is kept.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

pub fn corpus() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder()).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Tries a case. Where it does harm this process dies. `folder` is for files.
pub fn try_case(seeds: &Seeds, target: Target, number: u64, folder: &Path) -> Outcome {
    let (bytes, extension) = seeds.case(number);
    match (seeds, extension.as_str()) {
        (Seeds::Models(models::Seeds { tools, .. }) | Seeds::Corpus(_, tools), "model") => tools.look_at(bytes),
        (_, "txt") => line::run(&String::from_utf8(bytes).unwrap(), folder),
        (_, "png" | "jpg" | "npy") => {
            let path = folder.join(format!("case.{extension}"));
            std::fs::write(&path, bytes).unwrap();
            // As `predict` reads it, and as `restore` reads measured data.
            let read = read_images(&path, if extension == "jpg" { 3 } else { 1 }).is_ok();
            let other = extension == "npy" && unet_lens::picture::npy::read_numbers(&path).is_ok();
            if read || other { Outcome::Taken } else { Outcome::Refused }
        }
        _ => panic!("{target:?} {number}: .{extension} is not known here"),
    }
}
