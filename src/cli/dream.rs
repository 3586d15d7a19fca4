//! `unet-lens dream IMAGE --layer NAME`

use super::Machine;
use super::parse::parse_positive;
use crate::cancel::Watch;
use crate::engine::exec::memory::Limit;
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::dream::{Dream, Frame, Octave, Work, dream, recolour};
use crate::names::FileNames;
use crate::network::{Network, unet};
use crate::numbers::{data_size, in_column};
use crate::picture::{Animation, Mix, Photo, mixed, npy, read_image_within, save_values};
use crate::{Error, Result, files};
use std::path::{Path, PathBuf};
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
/// alike. A picture that is too large for the memory is climbed in overlapping tiles. For a network of other channels than one
/// or three the picture is an .npy; it is drawn in colours, and its values are written, too.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// A picture of any size: .png, .jpg, or .npy of [H,W] or [1,H,W,C], values from 0 to 1
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
    /// Folder for the result, IMAGE_LAYER.png; where IMAGE is an .npy, IMAGE_LAYER.npy as well
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
        // The one file of its name: no two layers are dreamed of at once.
        self.out.join(FileNames::new(&[]).of(&format!("{image}_{}{filter}", self.layer)) + ".png")
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
    let start = Start::read(&options.image, &network, options.machine.limit())?;
    let path = options.path();
    let values = super::is_npy(&options.image).then(|| path.with_extension("npy"));
    [Some(&path), values.as_ref(), options.gif.as_ref()].into_iter().flatten().try_for_each(files::check_writable)?;
    options.frames.iter().try_for_each(files::check_writable_dir)?;
    let executor = options.machine.open(options.quiet)?;
    let what = options.dream(layer);
    let work = Work::new(&*executor, &network, &what, start.seen.shape)?;
    if !options.quiet {
        let size = work.tiling.size;
        let how = match work.tiles {
            1 => "at once".to_string(),
            n => format!("in {n} overlapping tiles of {}x{}", size.h, size.w),
        };
        let bytes = data_size(work.needed.total());
        let Shape { h, w, c, .. } = start.seen.shape;
        let colors = mixed(c).map_or(String::new(), |colors| format!("drawn: {colors}\n"));
        super::print(&format!("{h}x{w} pixels, climbed {how}: {bytes} of memory\n{colors}"))?;
    }
    let bar = super::progress_bar(&options.layer, options.quiet);
    let mut progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let mut animation = options.gif.as_ref().map(|path| Animation::new(path, DELAY));
    let mut written = vec![];
    let mut frame = |picture: &Tensor| {
        let colors = start.colors(picture);
        if let Some(animation) = &mut animation {
            animation.picture(colors.shape.h, colors.shape.w, &colors.data)?;
        }
        if let Some(folder) = &options.frames {
            written.push(folder.join(format!("{:04}.png", written.len())));
            save_values(&written[written.len() - 1], &colors)?;
        }
        Ok(())
    };
    let wanted = options.gif.is_some() || options.frames.is_some();
    let frame: Option<Frame> = if wanted { Some(&mut frame) } else { None };
    let mut watch = Watch { cancel: &cancel, progress: &mut progress };
    let (picture, octaves) = dream(&*executor, &network, &start.seen, &what, &work, &mut watch, frame)?;
    bar.finish_and_clear();

    save_values(&path, &start.colors(&picture))?;
    if let (Some(values), Shape { h, w, c, .. }) = (&values, picture.shape) {
        npy::write(values, &[1, h, w, c], &picture.data)?;
    }
    if let Some(animation) = animation {
        animation.save()?;
    }
    if !options.quiet {
        let mut text = table(&octaves, options.filter.is_some(), picture == start.seen);
        text += &format!("{}\n", path.display());
        values.iter().for_each(|values| text += &format!("{}\n", values.display()));
        options.gif.iter().for_each(|gif| text += &format!("{}\n", gif.display()));
        if let [first, .., last] = &written[..] {
            text += &format!("{} to {}\n", first.display(), last.display());
        }
        super::print(&text)?;
    }
    Ok(())
}

/// What a dream starts from.
pub(super) struct Start {
    /// As the network takes it, `[1, h, w, c]`.
    pub seen: Tensor,
    /// As the eye does; an .npy is none.
    photo: Option<Photo>,
}

impl Start {
    pub fn read(path: &Path, network: &Network, limit: Limit) -> Result<Start> {
        if !super::is_npy(path) {
            return Start::of(read_image_within(path, limit)?, network);
        }
        let seen = super::read_picture(path, network, limit)?;
        match seen.data.iter().position(|v| !(0.0..=1.0).contains(v)) {
            Some(i) => Err(Error::file(path, format!("value {i} is {}; a dream's are from 0 to 1", seen.data[i]))),
            None => Ok(Start { seen, photo: None }),
        }
    }

    pub fn of(photo: Photo, network: &Network) -> Result<Start> {
        let seen = match unet::image_channels(network)? {
            1 => Tensor::new(Shape::new(1, photo.h, photo.w, 1), photo.luma()),
            3 => Tensor::new(Shape::new(1, photo.h, photo.w, 3), photo.rgb.clone()),
            c => {
                return Err(Error::Usage(format!(
                    "a photo cannot fill the {c} channels that {} takes; an .npy can",
                    network.name
                )));
            }
        };
        Ok(Start { seen, photo: Some(photo) })
    }

    /// What became of it, in colours `[1, h, w, 3]`: a photo's, changed as what the network saw of it was changed.
    pub fn colors(&self, picture: &Tensor) -> Tensor {
        let shape = picture.shape;
        let data = match (&self.photo, shape.c) {
            (Some(photo), 1) => recolour(&photo.rgb, &self.seen.data, &picture.data),
            (None, 1) => picture.data.iter().flat_map(|&v| [v; 3]).collect(),
            (_, 3) => picture.data.clone(),
            (_, c) => Mix::of(&self.seen.data, c).rgb(&picture.data).iter().map(|&v| f32::from(v) / 255.0).collect(),
        };
        Tensor::new(Shape { c: 3, ..shape }, data)
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
