//! `unet-lens restore [FILE]...`

use super::choices::{AXES, one_of};
use super::{Drawing, Json};
use crate::engine::exec::Executor;
use crate::engine::exec::memory::{Limit, Memory};
use crate::engine::tensor::Shape;
use crate::mri::kspace::Mask;
use crate::mri::report::{self, Row};
use crate::mri::restore::{self, Example, Restorer};
use crate::mri::source::{Source, Undersampling};
use crate::mri::{Axis, Sampling};
use crate::network::Network;
use crate::picture::{npy, read_image_within};
use crate::{Error, Result, files};
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
K-space is complex (.npy of complex64 or complex128, [H,W] or [N,H,W]), or has real and imaginary parts as two channels
([H,W,2], [N,H,W,2]). It is centred, as raw data are; in NumPy, k = fftshift(fft2(ifftshift(image))). A picture that
comes out cut into four quarters was transformed without ifftshift: save fftshift(fft2(ifftshift(ifft2(ifftshift(k))))).
Several coils must be combined first.

If more than 5% of k-space is exactly 0, it is taken as it was measured: zero-filled beside restored, and no scores, as
nobody knows the truth. Otherwise, or with --every, --centre, --axis or --mask, the file is the truth: lines are left out
of it, as of a picture. The network gets magnitudes, scaled so that the largest is 1 (the truth's, if it is known), or
real and imaginary parts if it takes two channels.

Examples:
  unet-lens restore                             four phantoms, to out/restore.png
  unet-lens restore --count 8 --every 3         more phantoms, aliased less
  unet-lens restore brain.png --colormap gray   a picture of your own, to out/restore-brain.png
  unet-lens restore brain.png --axis columns    aliased as the network never saw it
  unet-lens restore kspace.npy --mask mask.npy  k-space, with your own sampling
  unet-lens restore a.npy b.npy --npy           a figure, values and scores of each";

/// The most images of a file that its figure shows.
const MOST_DRAWN: usize = 16;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Pictures of any size (.png, .jpg, or an .npy of values from 0 to 1, [H,W] or [N,H,W]), or k-space (.npy, see below)
    /// [default: phantoms, circles and rectangles]
    #[arg(value_name = "FILE")]
    images: Vec<PathBuf>,
    /// How many phantoms
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64),
          conflicts_with = "images")]
    count: u16,
    /// Keep one line of k-space in R, 2 to 8 [default: 4]
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u16).range(2..=8), allow_negative_numbers = true)]
    every: Option<u16>,
    /// Keep this part of all lines in the middle of k-space, too, 0 to 1 [default: 0.08]
    #[arg(long, value_name = "PART", value_parser = parse_part, allow_negative_numbers = true)]
    centre: Option<f64>,
    /// Which lines [default: rows]
    #[arg(long, value_parser = one_of(AXES), value_name = "AXIS")]
    axis: Option<Axis>,
    /// Your own sampling: .png (black: not measured) or .npy (0: not measured), [H,W], or [1,W] or [H,1] for whole columns or
    /// rows; the lowest frequency in the middle
    #[arg(long, value_name = "FILE", conflicts_with_all = ["every", "centre", "axis", "count"], requires = "images")]
    mask: Option<PathBuf>,
    /// Seed of the phantoms, and of which of the R lines is kept
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Also write the restored values (.npy, float32 [N,H,W], or [N,H,W,2] of a network that gives real and imaginary parts) and
    /// PSNR, SSIM and NMSE of each image (.csv), beside the figure
    #[arg(long)]
    npy: bool,
    #[command(flatten)]
    drawing: Drawing,
    #[command(flatten)]
    print: Json,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let (network, limit) = (options.drawing.machine.model.load()?, options.drawing.machine.limit());
    let names = names(options)?;
    let written: &[&str] = if options.npy { &["png", "npy", "csv"] } else { &["png"] };
    let all = if options.images.is_empty() { &["restore".to_string()][..] } else { &names };
    // Asked when it is known that there is something to restore: a folder is made for it.
    let check_writable = || {
        let mut files = all.iter().flat_map(|name| written.iter().map(|extension| options.file(name, extension)));
        files.try_for_each(files::check_writable)
    };
    if options.images.is_empty() {
        let examples =
            restore::phantoms(&network, options.count.into(), options.seed, options.sampling().unwrap_or_default())?;
        let shape = Shape::new(examples.len(), examples[0].size.0, examples[0].size.1, 1);
        check_writable()?;
        let executor = options.drawing.open()?;
        return options.one(&*executor, &network, "restore", shape, &|i| Ok(examples[i].clone()));
    }
    let asked = options.asked(limit)?;
    let open = |path: &PathBuf| Source::open(path, asked.clone(), options.seed, limit);
    // What is wrong with any of them is said before the first is restored; each is read again when its turn comes.
    options.images.iter().try_for_each(|path| open(path).map(drop))?;
    check_writable()?;
    let executor = options.drawing.open()?;
    for (path, name) in options.images.iter().zip(&names) {
        let source = open(path)?;
        options.one(&*executor, &network, name, source.shape(), &|i| source.example(i))?;
    }
    Ok(())
}

impl Options {
    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.drawing.out.join(format!("{name}.{extension}"))
    }

    /// The lines that are asked for, if any are.
    fn sampling(&self) -> Option<Sampling> {
        let standard = Sampling::default();
        (self.every.is_some() || self.centre.is_some() || self.axis.is_some()).then(|| Sampling {
            axis: self.axis.unwrap_or(standard.axis),
            every: self.every.map_or(standard.every, usize::from),
            centre: self.centre.unwrap_or(standard.centre),
            offset: 0,
        })
    }

    fn asked(&self, limit: Limit) -> Result<Option<Undersampling>> {
        let lines = || self.sampling().map(|sampling| Undersampling::Lines { sampling, seed: self.seed });
        match &self.mask {
            None => Ok(lines()),
            Some(path) => read_mask(path, limit).map(|mask| Some(Undersampling::Mask(mask))),
        }
    }

    /// Restores the images of a file, and writes what is to be written, all named `name`.
    fn one(
        &self,
        executor: &dyn Executor,
        network: &Network,
        name: &str,
        shape: Shape,
        example: &dyn Fn(usize) -> Result<Example>,
    ) -> Result<()> {
        let file = |extension: &str| self.file(name, extension);
        let drawn = drawn(shape);
        let mut restorer = Restorer::new(executor, network, held(shape, drawn.len(), self.npy))?;
        let bar = super::progress_bar(name, self.drawing.quiet);
        bar.set_length(shape.n as u64);
        let (mut rows, mut shown, mut values, mut channels) = (vec![], vec![], vec![], 1);
        for i in 0..shape.n {
            let restored = restorer.restore(example(i)?)?;
            rows.push(Row::from(&restored));
            if self.npy {
                values.extend_from_slice(&restored.output.data);
                channels = restored.output.shape.c;
            }
            if drawn.contains(&i) {
                shown.push(restored);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        report::figure(&shown, self.drawing.look.colormap).save(file("png"))?;
        let mut text = report::table(&rows);
        if text.is_empty() {
            text += &format!("{name}: {}; the truth is not known, so there are no scores\n", shown[0].example.sampling);
        }
        if shown.len() < shape.n {
            text += &format!("{} of {} images are drawn\n", shown.len(), shape.n);
        }
        let mut written = vec![file("png")];
        if self.npy {
            let all = [shape.n, shape.h, shape.w, channels];
            npy::write(file("npy"), if channels == 1 { &all[..3] } else { &all }, &values)?;
            files::write_whole(file("csv"), report::csv(&rows).as_bytes())?;
            written.extend([file("npy"), file("csv")]);
        }
        if self.print.json {
            return super::print_json(&json!({ "name": name, "images": rows, "files": written }));
        }
        written.iter().for_each(|path| text += &format!("{}\n", path.display()));
        if self.drawing.quiet { Ok(()) } else { super::print(&text) }
    }
}

/// Which images the figure shows: all, or as many as it takes, evenly spread.
fn drawn(shape: Shape) -> Vec<usize> {
    let count = shape.n.min(MOST_DRAWN);
    (0..count).map(|i| i * shape.n / count).collect()
}

/// Memory that is taken besides the network's: the file's values, one image's k-space and what is made of it in double precision,
/// the images that are drawn and their panels, and the restored values.
fn held(shape: Shape, drawn: usize, npy: bool) -> Memory {
    let [file, working, drawing, kept] =
        [8 * shape.n, 5 * 16, (28 + 5 * 4) * drawn, if npy { 16 * shape.n } else { 0 }];
    Memory::host((file + working + drawing + kept) as u64 * (shape.h * shape.w) as u64)
}

/// What the results of each file are called: "restore-brain" for scans/brain.npy.
///
/// # Errors
/// If two have one name, or one would replace a file that is to be read.
fn names(options: &Options) -> Result<Vec<String>> {
    let images = &options.images;
    let name = |path: &PathBuf| format!("restore-{}", path.file_stem().unwrap_or_default().to_string_lossy());
    let names: Vec<String> = images.iter().map(name).collect();
    for (i, name) in names.iter().enumerate() {
        // Some file systems take upper and lower case as the same.
        if let Some(j) = names[..i].iter().position(|other| other.to_lowercase() == name.to_lowercase()) {
            return Err(Error::Usage(format!(
                "{} and {} would both be written to {name}.png; rename one, or restore them one by one, each with its --out",
                images[j].display(),
                images[i].display()
            )));
        }
    }
    let read: Vec<PathBuf> = images.iter().chain(&options.mask).filter_map(|path| path.canonicalize().ok()).collect();
    for file in names.iter().flat_map(|name| ["png", "npy", "csv"].map(|extension| options.file(name, extension))) {
        if file.canonicalize().is_ok_and(|path| read.contains(&path)) {
            return Err(Error::file(file, "is to be read, and a result would replace it; choose another --out"));
        }
    }
    Ok(names)
}

fn read_mask(path: &Path, limit: Limit) -> Result<Mask> {
    let name = path.display().to_string();
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
        let photo = read_image_within(path, limit)?;
        return Mask::new(&name, &photo.luma(), (photo.h, photo.w));
    }
    let mask = npy::read_within(path, limit)?;
    match mask.shape {
        Shape { n: 1, h, w, c: 1 } => Mask::new(&name, &mask.data, (h, w)),
        Shape { n, h, w, c } => {
            let what = "a mask is one array [H,W], for all images";
            Err(Error::file(path, format!("holds an array of shape [{n}, {h}, {w}, {c}]; {what}")))
        }
    }
}

fn parse_part(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|part| (0.0..=1.0).contains(part)).ok_or_else(|| "a number from 0 to 1".to_string())
}
