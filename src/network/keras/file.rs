//! Opening: what kind of file it is, its architecture (JSON), and the HDF5 file that holds its weights.
//!
//! - `.h5`, one HDF5 file: the root's attribute `model_config` is the architecture, the group `model_weights` holds the
//!   weights (Keras' `legacy_h5_format.py`, in Keras 2 `hdf5_format.py`).
//! - `.keras`, a zip archive: `config.json` is the architecture, `model.weights.h5` holds the weights (`saving_lib.py`).

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read, Seek, copy, sink};
use std::path::Path;
use std::sync::Arc;

use hdf5::storage::{DynStorage, Storage};
use hdf5::{BytesStorage, FileStorage, Hdf5File, OpenOptions};
use serde_json::Value;
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::part::Part;
use super::{Fallible, damaged, weights};
use crate::engine::exec::memory::Limit;
use crate::numbers::data_size;

const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// Deflate makes data at most 1032 times smaller, so a file cannot hold more than that.
const DEFLATE_RATIO: u64 = 1032;
/// No network that this program could run is larger than this, in bytes.
const MOST_BYTES: u64 = 2 << 30;
/// The longest architecture that is read, in bytes. One of 20,000 layers has a third of it.
const MOST_TEXT: u64 = 32 << 20;
/// So many times the text's bytes are taken by what is read from it, at most: by a list of one-digit numbers.
const JSON_RATIO: u64 = 32;
/// So much of an archive's weights is unpacked whatever it says: groups, names, what is not computed.
const FREE_BYTES: u64 = 64 << 20;

/// An opened model file.
pub struct ModelFile {
    pub architecture: Value,
    pub layout: weights::Layout,
    /// "2.2.4"; empty where the file does not tell.
    pub keras_version: String,
    /// Opens the weights of an architecture that asks for so many numbers.
    pub weights: Box<dyn FnOnce(u64) -> Fallible<Weights>>,
}

/// The HDF5 file that holds the weights.
pub struct Weights {
    pub file: Hdf5File,
    /// More bytes of weights than this cannot be in the file, whatever it says.
    pub most_bytes: u64,
}

pub fn open(path: &Path) -> Fallible<ModelFile> {
    let about = std::fs::metadata(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => "there is no such file; check its path and name".to_string(),
        _ => format!("cannot be read ({e})"),
    })?;
    if about.is_dir() {
        return Err(if path.join("saved_model.pb").exists() {
            "this is a folder in TensorFlow's SavedModel format; load it in Keras and write model.save('NAME.h5')"
                .into()
        } else {
            "this is a folder; name the .h5 or .keras file in it".to_string()
        });
    }
    let cannot_read = |e| format!("cannot be read ({e})");
    let mut head = Vec::new();
    let mut file = File::open(path).map_err(cannot_read)?;
    file.by_ref().take(64).read_to_end(&mut head).map_err(cannot_read)?;
    let storage = FileStorage::from_file(file.try_clone().map_err(cannot_read)?).map_err(|e| damaged(&e))?;
    if head.starts_with(ZIP_MAGIC) {
        return open_archive(file, Arc::new(storage));
    }
    open_h5(Arc::new(storage), &head)
}

pub fn open_bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Fallible<ModelFile> {
    let len = bytes.as_ref().len();
    let storage = BytesStorage::from_owner(bytes);
    // A view of the bytes, no copy.
    let all = storage.read_range(0, len).map_err(|e| damaged(&e))?;
    let head = all[..len.min(64)].to_vec();
    if head.starts_with(ZIP_MAGIC) {
        return open_archive(Cursor::new(all), Arc::new(storage));
    }
    open_h5(Arc::new(storage), &head)
}

/// A whole-model HDF5 file. `head` is how it begins.
fn open_h5(storage: DynStorage, head: &[u8]) -> Fallible<ModelFile> {
    let len = storage.len();
    let weights = hdf5_file(storage, head)?;
    let root = weights.root_group().map_err(|e| damaged(&e))?;
    let attributes = root.attributes().map_err(|e| damaged(&e))?;
    let Some(config) = attributes.iter().find(|a| a.name == "model_config") else {
        let has_weights = attributes.iter().any(|a| a.name.starts_with("layer_names"))
            || ["model_weights", "layers", "_layer_checkpoint_dependencies"].iter().any(|g| root.group(g).is_ok());
        return Err(if has_weights {
            "the file holds weights only, the architecture is missing; build the model in Keras, load_weights, and save all of \
             it with model.save('NAME.h5'); a model of CSBDeep (CARE), StarDist or N2V: model.keras_model.save('NAME.h5')"
                .to_string()
        } else {
            "this HDF5 file holds no Keras model (no attribute model_config); write one with model.save('NAME.h5')"
                .into()
        });
    };
    let text = weights::strings(config)?.concat();
    let version = attributes.iter().find(|a| a.name == "keras_version");
    Ok(ModelFile {
        architecture: json(&text)?,
        layout: weights::Layout::WholeModel,
        keras_version: version.and_then(|v| weights::strings(v).ok()).unwrap_or_default().concat(),
        weights: Box::new(move |_| Ok(Weights { file: weights, most_bytes: most_bytes(len) })),
    })
}

/// A `.keras` archive, whose bytes are `whole`.
fn open_archive(reader: impl Read + Seek + 'static, whole: DynStorage) -> Fallible<ModelFile> {
    let len = whole.len();
    let mut archive = ZipArchive::new(reader).map_err(|e| damaged(&e))?;
    let text = entry(&mut archive, "config.json", MOST_TEXT)?;
    let architecture = json(&String::from_utf8_lossy(&text))?;
    drop(text);
    let metadata = entry(&mut archive, "metadata.json", MOST_TEXT).ok();
    let metadata = metadata.and_then(|text| json(&String::from_utf8_lossy(&text)).ok());
    let version = metadata.and_then(|m| Some(m.get("keras_version")?.as_str()?.to_string()));
    // An archive without weights is told at once.
    find(&mut archive, "model.weights.h5")?;
    let weights = move |numbers: u64| {
        // In double precision, with two of the optimizer's for each; Keras packs nothing, and weights hardly pack.
        let asked = numbers.saturating_mul(32).saturating_add(FREE_BYTES);
        let most = asked.max(len.saturating_mul(4)).min(most_bytes(len));
        let storage = file_in(&mut archive, "model.weights.h5", most, whole)?;
        drop(archive);
        let most_bytes = most_bytes(storage.len());
        let head = storage.read_range(0, storage.len().min(64) as usize).map_err(|e| damaged(&e))?;
        let file = hdf5_file(storage, &head).map_err(|e| format!("model.weights.h5: {e}"))?;
        Ok(Weights { file, most_bytes })
    };
    Ok(ModelFile {
        architecture,
        layout: weights::Layout::Archive,
        keras_version: version.unwrap_or_default(),
        weights: Box::new(weights),
    })
}

fn find<'a, R: Read + Seek>(archive: &'a mut ZipArchive<R>, name: &str) -> Fallible<ZipFile<'a, R>> {
    archive.by_name(name).map_err(|e| match e {
        ZipError::FileNotFound => {
            format!("this zip archive is no .keras file: it has no {name}; write one with model.save('NAME.keras')")
        }
        e => damaged(&e),
    })
}

/// A file of the archive, unpacked, if it has no more than `most` bytes.
fn entry(archive: &mut ZipArchive<impl Read + Seek>, name: &str, most: u64) -> Fallible<Vec<u8>> {
    let entry = find(archive, name)?;
    // What the archive says of its size is not to be trusted, but the least that one byte more takes.
    room(name, entry.size().min(most))?;
    let mut bytes = Vec::new();
    entry.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| damaged(&e))?;
    at_most(name, bytes.len() as u64, most)?;
    Ok(bytes)
}

/// A file of the archive as a file of its own, if it has no more than `most` bytes. One that is stored as it is, as Keras does it,
/// is read where it lies, in `whole`, and never held whole: only its checksum is taken. Another one is unpacked.
fn file_in(
    archive: &mut ZipArchive<impl Read + Seek>,
    name: &str,
    most: u64,
    whole: DynStorage,
) -> Fallible<DynStorage> {
    let stored = find(archive, name)?;
    let Some(start) = stored.data_start().filter(|_| stored.compression() == CompressionMethod::Stored) else {
        drop(stored);
        return Ok(Arc::new(BytesStorage::new(entry(archive, name, most)?)));
    };
    let len = copy(&mut stored.take(most.saturating_add(1)), &mut sink()).map_err(|e| damaged(&e))?;
    at_most(name, len, most)?;
    Ok(Arc::new(Part { whole, start, len }))
}

fn at_most(name: &str, bytes: u64, most: u64) -> Fallible<()> {
    match bytes > most {
        true => Err(format!(
            "{name} unpacks to more than {}, more than such a network has; save the model again with model.save",
            data_size(most)
        )),
        false => Ok(()),
    }
}

/// Is there memory for so many bytes of the file?
pub fn room(what: &str, bytes: u64) -> Fallible<()> {
    Limit::default().check_bytes(what, bytes).map_err(|e| e.to_string())
}

fn most_bytes(file_len: u64) -> u64 {
    file_len.saturating_mul(DEFLATE_RATIO).min(MOST_BYTES)
}

fn json(text: &str) -> Fallible<Value> {
    if text.len() as u64 > MOST_TEXT {
        let (most, found) = (data_size(MOST_TEXT), data_size(text.len() as u64));
        return Err(format!("the architecture has {found}, the most is {most}; save the model again with model.save"));
    }
    room("the architecture", text.len() as u64 * JSON_RATIO)?;
    serde_json::from_str(text).map_err(|e| damaged(&format!("the architecture is not valid JSON: {e}")))
}

fn hdf5_file(storage: DynStorage, head: &[u8]) -> Fallible<Hdf5File> {
    let len = storage.len();
    if len == 0 {
        return Err("the file is empty; copy or download it again".into());
    }
    let most = most_bytes(len) as usize;
    // Every weight is read once: no cache.
    let options = OpenOptions::default()
        .with_max_read_bytes(most)
        .with_max_chunk_bytes(weights::MOST_PIECE)
        .with_chunk_cache_bytes(0);
    let file = Hdf5File::from_storage_with_options(storage, options).map_err(|e| match e {
        hdf5::error::Error::InvalidMagic => not_a_model(head),
        e => damaged(&e),
    })?;
    let (found, expected) = (file.storage().len(), file.superblock().eof_address);
    if found < expected {
        return Err(format!(
            "the file is cut short: {found} bytes of the {expected} that its header tells of; copy or download it again"
        ));
    }
    Ok(file)
}

fn not_a_model(head: &[u8]) -> String {
    let is_text = head.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    let begin = head.split(|&b| b == b'\n').next().unwrap_or(head);
    let begins =
        if is_text { format!("; it is text: '{}'", String::from_utf8_lossy(begin).trim()) } else { String::new() };
    format!("neither a Keras .h5 file nor a .keras file{begins}; write one with model.save('NAME.h5')")
}
