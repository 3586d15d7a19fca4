//! The page packs kernels as the program does for its own GPU: the same bytes.

#[path = "../../../tests/common/browser.rs"]
mod browser;

use super::SHARED;
use super::model::{climb, model};
use crate::engine::exec::gpu;
use crate::engine::plan::Plan;
use crate::network::{keras, unet};
use crate::page::strings::Lang;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::path::Path;

/// Of all constants of a plan, in the page: how long, and the bits folded into one number.
const FOLDED: &str = "
    const folded = (constants) => constants.map((constant) => {
      const packed = pack(constant, { arrays, filter: 0 });
      let sum = 0x811c9dc5;
      for (const word of new Uint32Array(packed.buffer, packed.byteOffset, packed.length)) sum = Math.imul(sum ^ word, 0x01000193);
      return [packed.length, sum >>> 0];
    });";

/// The same here (FNV-1a, word by word).
fn folded(plan: &Plan) -> Vec<[usize; 2]> {
    let fold = |sum: u32, value: &f32| (sum ^ value.to_bits()).wrapping_mul(0x0100_0193);
    let constants = gpu::packed(plan).unwrap();
    constants.iter().map(|packed| [packed.len(), packed.iter().fold(0x811c_9dc5, fold) as usize]).collect()
}

#[test]
fn kernels_are_packed_alike() {
    let Some(chromium) = browser::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let (mut compared, mut transformed) = (0, 0);
    for (file, layers) in [
        // Of the built-in network one layer in the middle of the way up, which has the others before it.
        ("unet.h5", &["uconv128"][..]),
        ("tiny.h5", &[]),
        ("keras/unet_k3.keras", &[]),
        ("keras/layers/conv_groups_k3.keras", &[]),
        ("keras/layers/conv_stride_3_k3.keras", &[]),
        ("keras/layers/transpose_stride_3_k3.keras", &[]),
    ] {
        // The package of the Rust registry is without what Keras wrote.
        if file.starts_with("keras") && !fixtures.join("keras").exists() {
            continue;
        }
        let network = keras::load(fixtures.join(file)).unwrap();
        let own = unet::image_shape(&network, &[network.output], None).unwrap();
        let model = model(&network, own, Lang::En).unwrap();
        let (places, bytes) = (json!(model.arrays.places), STANDARD.encode(&model.arrays.bytes));
        let page = folder.path().join("page.html");
        let text = format!(
            "<!doctype html><title>.</title><script>{}\nconst bytes = Uint8Array.from(atob('{bytes}'), (c) => c.charCodeAt(0)).buffer;\n\
             const arrays = open_arrays({places}, bytes);{FOLDED}</script>",
            SHARED.concat()
        );
        std::fs::write(&page, text).unwrap();
        let page = chromium.page(&page, 400);
        for layer in model.facts["layers"].as_array().unwrap() {
            let name = layer["name"].as_str().unwrap();
            if !layers.is_empty() && !layers.contains(&name) {
                continue;
            }
            let size = &layer["sizes"][0];
            let plans = climb(&network, unet::convolution(&network, name).unwrap(), own).unwrap().plans();
            for (which, plan) in ["fast", "open"].iter().zip(plans) {
                let constants = &size[*which]["constants"];
                let found = page.eval(&format!("folded({constants})"));
                let expected = folded(&plan);
                assert_eq!(found.as_array().unwrap().len(), expected.len());
                for (k, expected) in expected.iter().enumerate() {
                    assert_eq!(found[k], json!(expected), "{file}, {name}, {which}: {}", constants[k]);
                    transformed += usize::from(!constants[k]["packing"]["winograd"].is_null());
                    compared += 1;
                }
            }
        }
        page.assert_quiet();
    }
    assert!(
        compared > 100 && transformed > 10,
        "only {compared} constants, {transformed} of them by Winograd's method"
    );
}
