//! How a claim was measured, as a few sentences. In English they are those of claims.json.

use crate::findings::how::{Change, NEAR, RANDOM, Skips, Turning, Turns, same};
use crate::findings::{How, STILL_SEED};
use crate::page::strings::Lang;

/// Of an interval over images.
const FEW_IMAGES: &str = " (de menos de cinco, la menor y la mayor, y no se responde nada)";

/// What became of the lines when the data were turned.
fn turning(turning: Turning) -> String {
    let change = |change: Change| match change {
        Change::More => "más",
        Change::Less => "menos",
        Change::Untold => "ni más ni menos, hasta donde puede decirse",
    };
    format!(
        "Los pesos son fijos: la respuesta a las rejillas no puede girar con los datos, pero sí la respuesta a los datos. Donde las copias están \
         unas sobre otras y no unas junto a otras, las líneas horizontales responden {}; las verticales, {}: {}. Si una red entrenada en la otra \
         dirección preferiría las otras líneas, no puede decirlo una entrenada en una sola.",
        change(turning.horizontal),
        change(turning.vertical),
        match turning.turns() {
            Turns::Along => "la preferencia gira con los datos",
            Turns::Against => "la preferencia gira, y en contra de los datos",
            Turns::Untold => "no puede decirse que la preferencia gire con los datos",
        }
    )
}

pub fn how(how: How, lang: Lang) -> String {
    if lang == Lang::En {
        return how.to_string();
    }
    match how {
        How::Lines { turned } => format!(
            "Proporción de todos los filtros que son líneas a menos de {NEAR} grados de la horizontal o de la vertical; la mayoría: más de \
             la mitad, como dice la palabra. Una línea prefiere una orientación de las rejillas más que 99 de cada 100 filtros de los \
             mismos núcleos con sus pesos barajados. Intervalo: el de Wilson. Azar: otras tantas líneas, de orientaciones repartidas por \
             igual. {}",
            turned.map_or_else(
                || "Si la preferencia gira con los datos no puede decirse: la red no restaura imágenes submuestreadas.".to_string(),
                turning
            )
        ),
        How::Spacing => "Pendiente de la frecuencia preferida, en octavas de ciclos por píxel de la imagen, respecto a las convoluciones \
                         atravesadas, de los filtros de línea y de mancha antes de la primera ampliación; por debajo de cero, y de lo que da el \
                         azar: más separadas. Intervalo: bootstrap sobre los filtros. Azar: la misma pendiente con los pesos de cada núcleo \
                         barajados: lo que hacen por sí solas las reducciones. Entre las filas está cuántos filtros prefieren \
                         algo más fino o más grueso que todo lo mostrado: de ellos se sabe que la frecuencia está más allá, y no dónde."
            .to_string(),
        How::Evenness { told } => format!(
            "Cuánto varía la energía local sobre bloques de 16×16 píxeles de las imágenes ascendidas (desviación dividida por la media), en \
             el decodificador respecto al codificador, medias geométricas; por debajo de 1: más uniforme. Se dejan fuera las imágenes que \
             siguen siendo su semilla. Intervalo: bootstrap sobre los filtros. Azar: ninguna diferencia, 1.{}",
            if told { "" } else { " No puede decirse: en un lado, menos de cinco imágenes son más que su semilla." }
        ),
        How::Borders { tried } => format!(
            "Proporción de todos los filtros cuyo veredicto, primero o segundo, es borde; varios: más de dos, y todo el intervalo por encima \
             del azar. El anillo de un filtro de borde se distingue del interior más que por azar y responde más que el interior a su mejor \
             rejilla; y el borde es la causa: más de la mitad de la respuesta del anillo desaparece en un lienzo mayor y reflejado. \
             Intervalo: el de Wilson. Azar: los filtros cuyo anillo hace las dos primeras cosas en el lienzo, donde no hay borde (si el borde es \
             la causa no puede preguntarse allí: es lo más que da el azar). La PSNR \
             es la de la octava parte exterior de la imagen en cada lado, y la del resto, con todos los filtros de borde sustituidos a la \
             vez por sus medias{}.",
            if tried { "" } else { "; aquí no puede decirse: hacen falta filtros de borde y la imagen verdadera" }
        ),
        How::Pruning { decibel, told } => format!(
            "Lo que pierden imágenes apartadas, nunca usadas antes, cuando todos los filtros cuya imagen parece ruido, entre los mirados, se \
             sustituyen a la vez por sus medias; menos de {} es la misma calidad. Una imagen parece ruido si en su centro sigue siendo la semilla (correlación \
             {STILL_SEED} o más), o si su espectro es tan plano como el de 99 de cada 100 imágenes de ruido blanco. Si no se suprime cada filtro por \
             separado, el ascenso de uno que no se dibuja termina en cuanto su imagen no parece ruido; con qué frecuencia eso dice otra cosa que el \
             ascenso entero está entre las filas. Intervalo: bootstrap sobre las imágenes{}. Azar: {RANDOM} conjuntos al azar del mismo tamaño en cada \
             capa. Cuántos pueden quitarse: en el orden de taylor, capa por capa, cada una con su parte de lo que puede perderse; en otro orden \
             quizá más.{}",
            same(decibel),
            FEW_IMAGES,
            if told { "" } else { " No puede decirse sin datos." }
        ),
        How::Skips { decibel, told } => format!(
            "Lo que pierden imágenes apartadas cuando todas las conexiones de salto llevan solo su media (PSNR, o sin imagen verdadera cuánto \
             se mueve la salida, como parte de su desviación típica); cuenta más de {}, si el azar no cuesta lo mismo. Intervalo: bootstrap sobre las imágenes{}. Azar: tantos \
             canales como llevan los saltos, elegidos al azar de todas las capas, sustituidos por sus medias. Proporciones: el gradiente de \
             la activación media de los filtros que se dibujan (de todos los que se suprimen por separado), según el primer salto que toma en su vuelta a la imagen; suman 1, y una es negativa donde una \
             ruta trabaja contra las otras.{}",
            same(decibel),
            FEW_IMAGES,
            match told {
                Skips::Told => "",
                Skips::NoSkip => " No puede decirse: la red no tiene ninguna conexión de salto.",
                Skips::NoData => " No puede decirse sin datos.",
            }
        ),
    }
}
