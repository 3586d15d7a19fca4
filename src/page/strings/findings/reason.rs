//! Why a filter has its verdict, as a sentence. In English the sentence is that of filters.csv.

use crate::findings::Reason;
use crate::numbers::number;
use crate::page::strings::Lang;

/// One short sentence, made from the numbers that decided.
pub fn because(reason: &Reason, lang: Lang) -> String {
    if lang == Lang::En {
        return reason.to_string();
    }
    let n = |value: f64| number(value, 2);
    match *reason {
        Reason::Dead { proven: true, .. } => {
            "apagado para toda imagen en el rango de los datos, por cotas de intervalos".to_string()
        }
        Reason::Dead { wakes: true, .. } => {
            "apagado en todas partes con los datos; otro estímulo lo despierta".to_string()
        }
        Reason::Dead { .. } => "apagado en todas partes con todo lo que se mostró; sin demostrar".to_string(),
        Reason::Constant => "su respuesta nunca cambia".to_string(),
        Reason::AlwaysOn { proven: true } => {
            "activo para toda imagen en el rango de los datos, por cotas de intervalos".to_string()
        }
        Reason::AlwaysOn { .. } => {
            "activo en todas partes con los datos y con todos los grises; sin demostrar".to_string()
        }
        Reason::Border { auc, without, ring, grating, vanishes } => format!(
            "el anillo se distingue del interior con {} (sin borde, con {}) y responde con {} (el interior, a su mejor rejilla, con {}); {} de \
             ello desaparece en un lienzo mayor",
            n(auc),
            n(without),
            number(ring, 3),
            number(grating, 3),
            n(vanishes)
        ),
        Reason::Line { selectivity, threshold, orientation, frequency } => format!(
            "la selectividad {} supera {}; franjas a {orientation:.0} grados, {} ciclos por píxel",
            n(selectivity),
            n(threshold),
            n(frequency)
        ),
        Reason::Spot { selectivity, threshold, frequency, peak } => format!(
            "responde mejor a {} ciclos por píxel, {} lo que a la frecuencia más baja; la selectividad {} no supera {}",
            n(frequency),
            times(peak),
            n(selectivity),
            n(threshold)
        ),
        Reason::Level { level } => format!(
            "responde mejor a la frecuencia más baja; de oscuro a claro se mueve {} de su mayor amplitud",
            n(level)
        ),
        Reason::Noise { auc, threshold } => format!(
            "el ruido se distingue de la mejor rejilla y de los datos con {}, por encima de {}",
            n(auc),
            n(threshold)
        ),
        Reason::Unclear { tuned: Some((selectivity, peak)), threshold } => format!(
            "la selectividad {} no supera {}, y ninguna frecuencia destaca: la mejor da {} lo que la más baja",
            n(selectivity),
            n(threshold),
            times(peak)
        ),
        Reason::Unclear { tuned: None, .. } => "ninguna rejilla lo mueve".to_string(),
    }
}

/// A ratio in words; where the lowest frequency brings nothing there is no number.
fn times(peak: f64) -> String {
    if peak.is_finite() { format!("{} veces", number(peak, 2)) } else { "cualquier número de veces".to_string() }
}
