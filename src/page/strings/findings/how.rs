//! How a claim was measured, as a few sentences. In English they are those of claims.json.

use crate::findings::how::{NEAR, RANDOM, Skips, same};
use crate::findings::{How, STILL_SEED};
use crate::page::strings::Lang;

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
            match turned {
                true => {
                    "Los pesos son fijos: la respuesta a las rejillas no puede girar con los datos. Lo que puede verse es si ganan las \
                     líneas horizontales donde las copias están unas sobre otras, y las verticales donde están unas junto a otras. Si una \
                     red entrenada en la otra dirección preferiría las otras líneas, no puede decirlo una entrenada en una sola."
                }
                false => {
                    "Si la preferencia gira con los datos no puede decirse: la red no restaura imágenes submuestreadas."
                }
            }
        ),
        How::Spacing => "Pendiente de la frecuencia preferida, en octavas de ciclos por píxel de la imagen, respecto a las convoluciones \
                         atravesadas, de los filtros de línea y de mancha antes de la primera ampliación; por debajo de cero, y de lo que da el \
                         azar: más separadas. Intervalo: bootstrap sobre los filtros. Azar: la misma pendiente con los pesos de cada núcleo \
                         barajados: lo que hacen por sí solas las reducciones."
            .to_string(),
        How::Evenness { told } => format!(
            "Cuánto varía la energía local sobre bloques de 16×16 píxeles de las imágenes ascendidas (desviación dividida por la media), en \
             el decodificador respecto al codificador, medias geométricas; por debajo de 1: más uniforme. Se dejan fuera las imágenes que \
             siguen siendo su semilla. Intervalo: bootstrap sobre los filtros. Azar: ninguna diferencia, 1.{}",
            if told { "" } else { " No puede decirse: en un lado, menos de cinco imágenes son más que su semilla." }
        ),
        How::Borders { tried } => format!(
            "Proporción de todos los filtros cuyo veredicto, primero o segundo, es borde; varios: más de dos, y todo el intervalo por encima \
             del azar. El borde es la causa si más de la mitad de la respuesta del anillo desaparece en un lienzo mayor y reflejado. \
             Intervalo: el de Wilson. Azar: los filtros que los mismos lugares llamarían borde en el lienzo, donde no hay ninguno. La PSNR \
             es la de la octava parte exterior de la imagen en cada lado, y la del resto, con todos los filtros de borde sustituidos a la \
             vez por sus medias{}.",
            if tried { "" } else { "; aquí no puede decirse: hacen falta filtros de borde y la imagen verdadera" }
        ),
        How::Pruning { decibel, told } => format!(
            "Lo que pierden imágenes apartadas, nunca usadas antes, cuando todos los filtros cuya imagen parece ruido se sustituyen a la vez \
             por sus medias; menos de {} es la misma calidad. Una imagen parece ruido si en su centro sigue siendo la semilla (correlación \
             {STILL_SEED} o más), o si su espectro es tan plano como el de 99 de cada 100 imágenes de ruido blanco. Si no se suprime cada filtro por \
             separado, el ascenso de uno que no se dibuja termina en cuanto su imagen no parece ruido; con qué frecuencia eso dice otra cosa que el \
             ascenso entero está entre las filas. Intervalo: bootstrap sobre las imágenes. Azar: {RANDOM} conjuntos al azar del mismo tamaño en cada \
             capa.{}",
            same(decibel),
            if told { "" } else { " No puede decirse sin datos." }
        ),
        How::Skips { decibel, told } => format!(
            "Lo que pierden imágenes apartadas cuando todas las conexiones de salto llevan solo su media (PSNR, o sin imagen verdadera cuánto \
             se mueve la salida, como parte de su desviación típica); cuenta más de {}, si el azar no cuesta lo mismo. Intervalo: bootstrap sobre las imágenes. Azar: tantos \
             canales como llevan los saltos, elegidos al azar de todas las capas, sustituidos por sus medias. Proporciones: el gradiente de \
             la activación media de un filtro, según el primer salto que toma en su vuelta a la imagen; suman 1, y una es negativa donde una \
             ruta trabaja contra las otras.{}",
            same(decibel),
            match told {
                Skips::Told => "",
                Skips::NoSkip => " No puede decirse: la red no tiene ninguna conexión de salto.",
                Skips::NoData => " No puede decirse sin datos.",
            }
        ),
    }
}
