//! Layers that scale: BatchNormalization and the other norms, Normalization, Rescaling.

use std::sync::Arc;

use serde_json::Value;

use super::settings::{Settings, numbers, refused};
use super::{Fallible, Understood};
use crate::engine::values::Values;
use crate::network::Kind;

pub fn batch_norm(settings: Settings, channels: Option<usize>, channels_axis: bool) -> Fallible<Understood> {
    let axis = one_axis(settings, -1)?;
    settings.check("renorm", |v| v == false, "false")?;
    let epsilon = settings.positive("epsilon", 1e-3)?;
    let (center, scaled) = (settings.flag("center", true)?, settings.flag("scale", true)?);
    let names = scaled.then_some("gamma").into_iter().chain(center.then_some("beta"));
    let length = if channels_axis { channels } else { None };
    let weights = names.chain(["moving_mean", "moving_variance"]).map(|name| (name, vec![length])).collect();
    Ok(Understood::new(channels, weights, move |weights| {
        let mut next = weights.into_iter().map(|w| w.data);
        let gamma = if scaled { next.next() } else { None };
        let beta = if center { next.next() } else { None };
        let (mean, variance) = (next.next().unwrap_or_default(), next.next().unwrap_or_default());
        let of_one_length = |w: &Values| w.len() == mean.len();
        if ![&gamma, &beta].into_iter().flatten().chain([&variance]).all(of_one_length) {
            return Err("its weights are not of one length; the file's weights and architecture differ".to_string());
        }
        let (scale, shift): (Vec<f64>, Vec<f64>) = (0..mean.len())
            .map(|c| {
                let scale = gamma.as_ref().map_or(1.0, |g| f64::from(g[c])) / (f64::from(variance[c]) + epsilon).sqrt();
                (scale, beta.as_ref().map_or(0.0, |b| f64::from(b[c])) - f64::from(mean[c]) * scale)
            })
            .unzip();
        Ok(Kind::BatchNorm { axis, scale: scale.into(), shift: shift.into() })
    }))
}

/// `(x - mean) / max(sqrt(variance), 1e-7)` with numbers of the settings, or with those that `adapt` found.
pub fn normalization(settings: Settings, channels: Option<usize>) -> Fallible<Understood> {
    settings.check("invert", |v| v == false, "false")?;
    let axes = settings.axes("axis")?.unwrap_or_default();
    if axes.len() > 1 {
        return Err(refused("axis", settings.get("axis"), "one axis or none"));
    }
    let axis = axes.first().copied();
    let kind = move |mean: Vec<f64>, variance: Vec<f64>| {
        let scales = variance.iter().map(|v| 1.0 / v.sqrt().max(1e-7));
        let (scale, shift): (Vec<f64>, Vec<f64>) =
            scales.zip(&mean).map(|(scale, mean)| (scale, -mean * scale)).unzip();
        match (axis, &scale[..], &shift[..]) {
            (_, &[scale], &[shift]) => Kind::Linear { scale, shift },
            (Some(axis), ..) => Kind::BatchNorm { axis, scale: scale.into(), shift: shift.into() },
            (None, ..) => Kind::BatchNorm { axis: -1, scale: scale.into(), shift: shift.into() },
        }
    };
    if settings.get("mean").is_null() {
        let shape = || if axis.is_some() { vec![None] } else { vec![] };
        let weights = vec![("mean", shape()), ("variance", shape())];
        return Ok(Understood::new(channels, weights, move |w| {
            let f64s = |w: &[f32]| w.iter().map(|&v| f64::from(v)).collect();
            Ok(kind(f64s(&w[0].data), f64s(&w[1].data)))
        }));
    }
    let list =
        |key| numbers(settings.get(key)).ok_or_else(|| refused(key, settings.get(key), "a number or a list of them"));
    let (mean, variance) = (list("mean")?, list("variance")?);
    if mean.len() != variance.len() || mean.is_empty() {
        return Err(refused("variance", settings.get("variance"), "as many numbers as mean has"));
    }
    Ok(Understood::plain(channels, kind(mean, variance)))
}

/// `scale x + offset`; each one number, or one for each channel.
pub fn rescaling(settings: Settings) -> Fallible<Kind> {
    let list = |key, default: f64| match settings.get(key) {
        Value::Null => Ok(vec![default]),
        v => numbers(v).ok_or_else(|| refused(key, v, "a number or a list of them")),
    };
    linear(list("scale", 1.0)?, list("offset", 0.0)?)
}

/// `scale x + shift`; each one number, or one for each place along the last axis.
pub fn linear(scale: Vec<f64>, shift: Vec<f64>) -> Fallible<Kind> {
    let n = scale.len().max(shift.len());
    let whole = |list: &[f64]| -> Fallible<Arc<[f64]>> {
        match list {
            [one] => Ok(vec![*one; n].into()),
            list if list.len() == n => Ok(list.into()),
            list => Err(format!("{} numbers for {n} channels are not supported", list.len())),
        }
    };
    Ok(match (&scale[..], &shift[..]) {
        (&[scale], &[shift]) => Kind::Linear { scale, shift },
        _ => Kind::BatchNorm { axis: -1, scale: whole(&scale)?, shift: whole(&shift)? },
    })
}

pub fn layer_norm(settings: Settings, channels: Option<usize>) -> Fallible<Understood> {
    settings.check("rms_scaling", |v| v == false, "false")?;
    let axes = settings.axes("axis")?.unwrap_or(vec![-1]);
    let epsilon = settings.positive("epsilon", 1e-3)?;
    let (center, scaled) = (settings.flag("center", true)?, settings.flag("scale", true)?);
    let names = scaled.then_some("gamma").into_iter().chain(center.then_some("beta"));
    let weights = names.map(|name| (name, vec![None; axes.len()])).collect();
    Ok(Understood::new(channels, weights, move |weights| {
        let mut next = weights.into_iter();
        let gamma = if scaled { next.next() } else { None };
        let beta = if center { next.next() } else { None };
        Ok(Kind::LayerNorm { axes: axes.clone(), epsilon, gamma, beta })
    }))
}

/// Keras' and TensorFlow Addons' GroupNormalization; Addons' `InstanceNormalization` is the same with as many groups as channels.
pub fn group_norm(settings: Settings, channels: Option<usize>, of_one: bool) -> Fallible<Understood> {
    let axis = one_axis(settings, -1)?;
    let groups = match settings.get("groups") {
        v if of_one || *v == -1 => None,
        _ => Some(settings.size_or("groups", 32)?),
    };
    let epsilon = settings.positive("epsilon", 1e-3)?;
    let (center, scaled) = (settings.flag("center", true)?, settings.flag("scale", true)?);
    let names = scaled.then_some("gamma").into_iter().chain(center.then_some("beta"));
    let weights = names.map(|name| (name, vec![None])).collect();
    Ok(Understood::new(channels, weights, move |weights| {
        let mut next = weights.into_iter().map(|w| w.data[..].into());
        let gamma = if scaled { next.next() } else { None };
        let beta = if center { next.next() } else { None };
        Ok(Kind::GroupNorm { groups, axis, epsilon, gamma, beta })
    }))
}

/// `axis`, a number or a list of one.
pub fn one_axis(settings: Settings, default: i64) -> Fallible<i64> {
    match settings.axes("axis")?.as_deref() {
        None => Ok(default),
        Some(&[axis]) => Ok(axis),
        Some(_) => Err(refused("axis", settings.get("axis"), "one axis")),
    }
}
