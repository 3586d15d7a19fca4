//! `unet-lens dream IMAGE --layer NAME`

use super::{Machine, parse_positive};
use crate::cancel::Watch;
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::dream::{Dream, Frame, Octave, Work, dream, recolour};
use crate::network::{Network, unet};
use crate::numbers::{data_size, in_column};
use crate::picture::{Animation, Photo, read_image, save_values};
use crate::{Error, Result, files};
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  unet-lens dream photo.jpg --layer uconv128                 what a whole layer sees in a picture
  unet-lens dream photo.jpg --layer dconv64 --filter 3       what one filter sees
  unet-lens dream photo.jpg --layer uconv64 --gif way.gif    the way there, as an animation";

/// How long a frame of the animation is seen.
const DELAY: Duration = Duration::from_millis(100);

/// DeepDream: change a picture towards what a layer sees in it.
///
/// As in the notebook of Mordvintsev, Olah and Tyka (2015): from a small version of the picture to larger ones (octaves), each
/// with what the smaller ones added; before each step the picture is moved round by a random shift; the step is the gradient
/// divided by the mean of its magnitudes. The goal is the mean of squares over the whole layer, or the mean of one filter.
///
/// A colour picture keeps its colours: a network of one channel sees its luma, and the change is added to red, green and blue
/// alike. A picture that is too large for the memory is climbed in overlapping tiles.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// A picture of any size: .png, .jpg
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// A convolution of the network
    #[arg(long, value_name = "NAME")]
    layer: String,
    /// One filter of the layer instead of all of them together
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    filter: Option<usize>,
    /// How many sizes of the picture are climbed, from small to large
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=32), allow_negative_numbers = true)]
    octaves: u32,
    /// How many times as large an octave is as the one before, along both axes; above 1
    #[arg(long, value_name = "X", default_value_t = 1.4, value_parser = parse_octave_scale, allow_negative_numbers = true)]
    octave_scale: f32,
    /// Steps in each octave
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000), allow_negative_numbers = true)]
    steps: u32,
    /// How much a pixel changes in a step, on average, in grey levels of 255, as in the notebook
    #[arg(long, value_name = "X", default_value_t = 1.5, value_parser = parse_positive, allow_negative_numbers = true)]
    step_size: f32,
    /// The most pixels that the picture is moved round by before a step, along each axis
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(0..=65536), allow_negative_numbers = true)]
    jitter: u32,
    /// Seed of the shifts
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Also write an animation, a frame for each step
    #[arg(long, value_name = "FILE")]
    gif: Option<PathBuf>,
    /// Also write the picture after each step, as DIR/0000.png (the start), DIR/0001.png and so on
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,
    /// Folder for the result, IMAGE_LAYER.png
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    #[command(flatten)]
    machine: Machine,
    /// Print errors only
    #[arg(short, long)]
    quiet: bool,
}

impl Options {
    fn check_filter(&self, filters: usize) -> Result<()> {
        let name = &self.layer;
        match (self.filter, filters) {
            (Some(filter), 1) if filter > 0 => {
                Err(Error::Usage(format!("--filter {filter}: {name} has 1 filter, number 0")))
            }
            (Some(filter), _) if filter >= filters => {
                Err(Error::Usage(format!("--filter {filter}: {name} has {filters} filters, 0 to {}", filters - 1)))
            }
            _ => Ok(()),
        }
    }

    /// Where the result goes.
    fn path(&self) -> PathBuf {
        let image = &self.image.file_stem().unwrap_or_default().to_string_lossy();
        let filter = self.filter.map_or(String::new(), |filter| format!("_{filter}"));
        self.out.join(format!("{image}_{}{filter}.png", self.layer.replace(['/', '\\', ':'], "_")))
    }

    fn dream(&self, layer: usize) -> Dream {
        Dream {
            layer,
            filter: self.filter,
            octaves: self.octaves as usize,
            octave_scale: self.octave_scale,
            steps: self.steps as usize,
            step_size: self.step_size / 255.0,
            jitter: self.jitter as usize,
            seed: self.seed,
        }
    }
}

pub(super) fn run(options: &Options) -> Result<()> {
    let cancel = super::cancelled_by_ctrl_c()?;
    let network = options.machine.load()?;
    let layer = unet::convolution(&network, &options.layer)?;
    options.check_filter(unet::filters(&network, layer))?;
    let photo = read_image(&options.image)?;
    let seen = seen(&photo, &network)?;
    let path = options.path();
    let gif_folder = options.gif.as_ref().map(|gif| super::folder_of(gif));
    for folder in [Some(options.out.as_path()), options.frames.as_deref(), gif_folder].into_iter().flatten() {
        files::check_writable_dir(folder)?;
    }
    let executor = options.machine.open(options.quiet)?;
    let what = options.dream(layer);
    let work = Work::new(&*executor, &network, &what, seen.shape)?;
    if !options.quiet {
        let size = work.tiling.size;
        let how = match work.tiles {
            1 => "at once".to_string(),
            n => format!("in {n} overlapping tiles of {}x{}", size.h, size.w),
        };
        let bytes = data_size(work.needed.total());
        super::print(&format!("{}x{} pixels, climbed {how}: {bytes} of memory\n", photo.h, photo.w))?;
    }
    let bar = super::progress_bar(&options.layer, options.quiet);
    let mut progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let whole = |picture: &Tensor| whole(&photo, &seen, picture);
    let mut animation = options.gif.as_ref().map(|path| Animation::new(path, DELAY));
    let mut written = vec![];
    let mut frame = |picture: &Tensor| {
        let rgb = whole(picture);
        if let Some(animation) = &mut animation {
            animation.picture(photo.h, photo.w, &rgb)?;
        }
        if let Some(folder) = &options.frames {
            written.push(folder.join(format!("{:04}.png", written.len())));
            save_values(&written[written.len() - 1], &Tensor::new(Shape::new(1, photo.h, photo.w, 3), rgb))?;
        }
        Ok(())
    };
    let wanted = options.gif.is_some() || options.frames.is_some();
    let frame: Option<Frame> = if wanted { Some(&mut frame) } else { None };
    let mut watch = Watch { cancel: &cancel, progress: &mut progress };
    let (picture, octaves) = dream(&*executor, &network, &seen, &what, &work, &mut watch, frame)?;
    bar.finish_and_clear();

    save_values(&path, &Tensor::new(Shape::new(1, photo.h, photo.w, 3), whole(&picture)))?;
    if let Some(animation) = animation {
        animation.save()?;
    }
    if !options.quiet {
        let mut text = table(&octaves, options.filter.is_some(), picture == seen);
        text += &format!("{}\n", path.display());
        options.gif.iter().for_each(|gif| text += &format!("{}\n", gif.display()));
        if let [first, .., last] = &written[..] {
            text += &format!("{} to {}\n", first.display(), last.display());
        }
        super::print(&text)?;
    }
    Ok(())
}

/// The photo's red, green and blue, changed as what the network saw of it was changed.
pub(super) fn whole(photo: &Photo, seen: &Tensor, picture: &Tensor) -> Vec<f32> {
    match picture.shape.c {
        1 => recolour(&photo.rgb, &seen.data, &picture.data),
        _ => picture.data.clone(),
    }
}

/// What the network sees of a photo.
pub(super) fn seen(photo: &Photo, network: &Network) -> Result<Tensor> {
    match unet::image_channels(network)? {
        1 => Ok(Tensor::new(Shape::new(1, photo.h, photo.w, 1), photo.luma())),
        3 => Ok(Tensor::new(Shape::new(1, photo.h, photo.w, 3), photo.rgb.clone())),
        c => Err(Error::Usage(format!("a picture cannot fill the {c} channels that this network takes"))),
    }
}

fn table(octaves: &[Octave], is_filter: bool, is_same: bool) -> String {
    let goal = if is_filter { "mean of the filter" } else { "mean of squares" };
    let mut text = format!("{:>6}  {:>11}  {goal}: {:>12}  {:>12}\n", "octave", "size", "first step", "last step");
    let width = goal.len() + 14;
    for (i, octave) in octaves.iter().enumerate() {
        let size = format!("{}x{}", octave.h, octave.w);
        let (first, last) = (in_column(octave.first), in_column(octave.last));
        text += &format!("{:>6}  {size:>11}  {first:>width$}  {last:>12}\n", i + 1);
    }
    if is_same {
        text += "nothing changed: on this picture there is no gradient; try another layer or filter\n";
    }
    text
}

fn parse_octave_scale(text: &str) -> Result<f32, String> {
    parse_positive(text)
        .ok()
        .filter(|&v| v > 1.0 && v <= 100.0)
        .ok_or_else(|| "expected a number above 1, at most 100".to_string())
}
