//! What the rows behind a claim are called. In English as in claims.json.

use super::FindingsText;
use crate::findings::Verdict;
use crate::page::strings::Lang;

/// Names in claims.json, and what they are in Spanish.
const SPANISH: &[(&str, &str)] = &[
    ("PSNR lost in the ring, dB", "PSNR perdida en el anillo, dB"),
    ("PSNR lost inside, dB", "PSNR perdida dentro, dB"),
    ("SSIM lost", "SSIM perdida"),
    ("all at once", "todos a la vez"),
    ("all", "todas"),
    ("allowed", "permitido"),
    ("border", "borde"),
    ("by chance", "por azar"),
    ("by what lies there", "por lo que hay allí"),
    ("at an end of what was shown", "más allá de lo mostrado"),
    ("caused by the border", "causados por el borde"),
    ("channels gone", "canales quitados"),
    ("cost", "coste"),
    ("decoder", "decodificador"),
    ("depth", "profundidad"),
    ("down", "hacia abajo"),
    ("encoder", "codificador"),
    ("even orientations", "orientaciones repartidas por igual"),
    ("faster", "más rápida"),
    ("filters", "filtros"),
    ("flat above", "espectro plano por encima de"),
    ("greatest difference from the masked network", "mayor diferencia con la red enmascarada"),
    ("horizontal of both", "horizontales entre ambas"),
    ("horizontal or vertical of lines", "horizontales o verticales entre las líneas"),
    ("horizontal", "horizontales"),
    ("horizontal lines", "líneas horizontales"),
    ("how many can go", "cuántos pueden quitarse"),
    ("kept whole", "conservadas enteras"),
    ("kinds", "clases"),
    ("layer", "capa"),
    ("layers", "capas"),
    ("least L1", "menor norma L1"),
    ("least taylor", "menor taylor"),
    ("lines of filters", "líneas entre los filtros"),
    ("lines", "líneas"),
    (
        "log activation, aliases above one another less side by side",
        "logaritmo de la activación, copias unas sobre otras menos unas junto a otras",
    ),
    ("look like noise", "parecen ruido"),
    ("lost", "perdido"),
    ("measured, seconds for one image", "segundos por imagen, medidos"),
    ("median frequency", "frecuencia mediana"),
    ("climbed both ways", "ascendidas de las dos maneras"),
    ("the short way says something else", "la manera corta dice otra cosa"),
    ("pictures looked at", "imágenes miradas"),
    ("without a gradient at the seed", "sin gradiente en la semilla"),
    ("flat", "de espectro plano"),
    ("pictures", "imágenes"),
    ("random channels", "canales al azar"),
    ("random sets", "conjuntos al azar"),
    ("random sets, SSIM lost", "conjuntos al azar, SSIM perdida"),
    ("ring told from the inside", "anillo distinguido del interior"),
    ("route", "ruta"),
    ("share", "proporción"),
    ("shares", "proporciones"),
    ("skip", "salto"),
    ("skips", "saltos"),
    ("slim", "reducida"),
    ("slope in the decoder", "pendiente en el decodificador"),
    ("slope over all", "pendiente en total"),
    ("speed", "velocidad"),
    ("still the seed from", "sigue siendo la semilla desde"),
    ("tuned", "sintonizados"),
    ("variation", "variación"),
    ("verdict", "veredicto"),
    ("vertical lines", "líneas verticales"),
    ("vertical", "verticales"),
    ("whole", "entera"),
    ("why", "por qué"),
    ("nothing after it reads it", "nada después la lee"),
    ("true", "sí"),
    ("false", "no"),
];

/// A name of claims.json, or a word in it, in a language. What is not known here is a name of the network's own, and stays.
pub fn row_name(name: &str, t: &FindingsText) -> String {
    if t.lang == Lang::En.findings().lang {
        return name.to_string();
    }
    if let Some(verdict) = Verdict::ALL.into_iter().find(|verdict| verdict.to_string() == name) {
        return t.verdict(verdict).to_string();
    }
    match SPANISH.iter().find(|(english, _)| *english == name) {
        Some((_, spanish)) => (*spanish).to_string(),
        None => name.to_string(),
    }
}
