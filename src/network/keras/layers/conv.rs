//! Layers with kernels: Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D, Dense.

use super::settings::{LARGEST, Settings, refused};
use super::{Fallible, Shape, Understood, activation};
use crate::engine::ops::{Kernel, Window};
use crate::network::{Array, Convolution, Kind, Padding};

/// A convolution's settings, its weights not among them.
#[derive(Clone, Copy)]
struct Form {
    kernel: Window,
    stride: Window,
    padding: Padding,
    dilation: Window,
    use_bias: bool,
}

impl Form {
    fn read(settings: Settings) -> Fallible<Form> {
        let kernel = settings.window("kernel_size")?.ok_or("its kernel_size is missing; save the model again")?;
        Ok(Form {
            kernel,
            stride: settings.window("strides")?.unwrap_or(Window::ONE),
            padding: settings.padding()?,
            dilation: settings.window("dilation_rate")?.unwrap_or(Window::ONE),
            use_bias: settings.flag("use_bias", true)?,
        })
    }

    /// A convolution of `groups` groups; `inputs` and `outputs` are the kernel's own channels.
    fn with(
        self,
        kernel: &Array,
        bias: Option<&Array>,
        inputs: usize,
        outputs: usize,
        groups: usize,
    ) -> Fallible<Convolution> {
        let kernel = Kernel::new(self.kernel.h, self.kernel.w, inputs, outputs, kernel.data.clone());
        Ok(Convolution {
            kernel: kernel.map_err(|e| e.to_string())?,
            bias: bias.map(|b| b.data[..].into()),
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups,
        })
    }
}

/// `bias`, if there is one, after the kernels.
fn weights(kernels: Vec<(&'static str, Shape)>, use_bias: bool, channels: Option<usize>) -> Vec<(&'static str, Shape)> {
    kernels.into_iter().chain(use_bias.then(|| ("bias", vec![channels]))).collect()
}

pub fn conv2d(settings: Settings, ci: Option<usize>, keras_3: bool) -> Fallible<Understood> {
    let form = Form::read(settings)?;
    let (filters, groups) = (settings.size("filters")?, settings.size_or("groups", 1)?);
    if filters % groups != 0 || ci.is_some_and(|ci| ci % groups != 0) {
        let what =
            format!("groups that divide the channels, here {} and {filters}", ci.map_or("?".into(), |c| c.to_string()));
        return Err(refused("groups", settings.get("groups"), &what));
    }
    let activation = activation::setting(settings, keras_3)?;
    let kernel = vec![Some(form.kernel.h), Some(form.kernel.w), ci.map(|ci| ci / groups), Some(filters)];
    let weights = weights(vec![("kernel", kernel)], form.use_bias, Some(filters));
    Ok(Understood::new(Some(filters), weights, move |w| {
        let conv = form.with(&w[0], w.get(1), w[0].shape[2], filters, groups)?;
        Ok(Kind::Conv2d { conv, activation })
    }))
}

/// Keras' kernel is `[kh, kw, out, in]`: that of the convolution which goes the other way, from `out` to `in`.
pub fn transpose(settings: Settings, ci: Option<usize>, keras_3: bool) -> Fallible<Understood> {
    let form = Form::read(settings)?;
    settings.check("groups", |v| v == 1, "1")?;
    let filters = settings.size("filters")?;
    let output_padding = match settings.get("output_padding") {
        v if v.is_null() => None,
        v => {
            let sides = settings.sides("output_padding")?;
            if sides.top >= form.stride.h || sides.left >= form.stride.w || sides.top != sides.bottom {
                return Err(refused("output_padding", v, "less than the strides"));
            }
            Some(Window::new(sides.top, sides.left))
        }
    };
    let activation = activation::setting(settings, keras_3)?;
    let kernel = vec![Some(form.kernel.h), Some(form.kernel.w), Some(filters), ci];
    let weights = weights(vec![("kernel", kernel)], form.use_bias, Some(filters));
    Ok(Understood::new(Some(filters), weights, move |w| {
        let conv = form.with(&w[0], w.get(1), filters, w[0].shape[3], 1)?;
        Ok(Kind::ConvTranspose { conv, output_padding, activation })
    }))
}

/// Each channel is a group: Keras' kernel `[kh, kw, in, multiplier]` is `[kh, kw, 1, in * multiplier]` in the same order.
pub fn depthwise(settings: Settings, ci: Option<usize>, keras_3: bool) -> Fallible<Understood> {
    let form = Form::read(settings)?;
    let multiplier = settings.size_or("depth_multiplier", 1)?;
    let co = ci.map(|ci| ci * multiplier).filter(|&co| co as u64 <= LARGEST);
    let activation = activation::setting(settings, keras_3)?;
    let name = if keras_3 { "kernel" } else { "depthwise_kernel" };
    let kernel = vec![Some(form.kernel.h), Some(form.kernel.w), ci, Some(multiplier)];
    let weights = weights(vec![(name, kernel)], form.use_bias, co);
    Ok(Understood::new(co, weights, move |w| {
        let ci = w[0].shape[2];
        let conv = form.with(&w[0], w.get(1), 1, ci * multiplier, ci)?;
        Ok(Kind::Conv2d { conv, activation })
    }))
}

pub fn separable(settings: Settings, ci: Option<usize>, keras_3: bool) -> Fallible<Understood> {
    let form = Form::read(settings)?;
    let (filters, multiplier) = (settings.size("filters")?, settings.size_or("depth_multiplier", 1)?);
    let activation = activation::setting(settings, keras_3)?;
    let depthwise = vec![Some(form.kernel.h), Some(form.kernel.w), ci, Some(multiplier)];
    let pointwise = vec![Some(1), Some(1), ci.map(|ci| ci * multiplier), Some(filters)];
    let kernels = vec![("depthwise_kernel", depthwise), ("pointwise_kernel", pointwise)];
    Ok(Understood::new(Some(filters), weights(kernels, form.use_bias, Some(filters)), move |w| {
        let ci = w[0].shape[2];
        let one =
            Form { kernel: Window::ONE, stride: Window::ONE, dilation: Window::ONE, padding: Padding::Valid, ..form };
        Ok(Kind::Separable {
            depthwise: form.with(&w[0], None, 1, ci * multiplier, ci)?,
            pointwise: one.with(&w[1], w.get(2), w[1].shape[2], filters, 1)?,
            activation,
        })
    }))
}

pub fn dense(settings: Settings, ci: Option<usize>, keras_3: bool) -> Fallible<Understood> {
    let units = settings.size("units")?;
    let activation = activation::setting(settings, keras_3)?;
    let weights = weights(vec![("kernel", vec![ci, Some(units)])], settings.flag("use_bias", true)?, Some(units));
    Ok(Understood::new(Some(units), weights, move |w| {
        let kernel = Kernel::new(1, 1, w[0].shape[0], units, w[0].data.clone()).map_err(|e| e.to_string())?;
        Ok(Kind::Dense { kernel, bias: w.get(1).map(|b| b.data[..].into()), activation })
    }))
}
