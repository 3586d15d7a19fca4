//! The lesson in Spanish; what is said of each op is in `ops`.

use super::{Lang, Strings};
use crate::lesson::explain::Explanation;

/// What nodes are called after the layer that they are a part of, and what computed them.
const PARTS: [(&str, &str); 26] = [
    ("before activation", "antes de la activación"),
    ("own channel", "canal propio"),
    ("less the threshold", "menos el umbral"),
    ("less the largest", "menos el mayor"),
    ("above the least", "sobre el menor"),
    ("log of the sum", "logaritmo de la suma"),
    ("sum of exp", "suma de exp"),
    ("axes moved", "ejes movidos"),
    ("in its shape", "en su forma"),
    ("in rows", "en filas"),
    ("rows taken", "filas tomadas"),
    ("columns taken", "columnas tomadas"),
    ("channels taken", "canales tomados"),
    ("times gamma", "por gamma"),
    ("above 0", "sobre 0"),
    ("below 0", "bajo 0"),
    ("normalised", "normalizado"),
    ("deviation", "desviación"),
    ("difference", "diferencia"),
    ("variance", "varianza"),
    ("negative", "negativo"),
    ("centred", "centrado"),
    ("squares", "cuadrados"),
    ("excess", "exceso"),
    ("threads", "hilos"),
    ("rows", "filas"),
];

/// A layer's own name has no spaces before it.
pub(super) fn in_spanish(name: &str) -> String {
    PARTS.iter().fold(name.to_string(), |name, (en, es)| name.replace(&format!(" {en}"), &format!(" {es}")))
}

/// The same explanation, its nodes called in Spanish.
pub(super) fn translated(e: &Explanation) -> Explanation {
    let mut e = e.clone();
    let nodes = e.forward.iter_mut().chain(&mut e.backward).chain(&mut e.ascent);
    nodes.for_each(|node| node.name = in_spanish(&node.name));
    e.backend = in_spanish(&e.backend);
    e
}

pub(super) const ES: Strings = Strings {
    language: Lang::Es,
    lang: "es",
    title: "Cómo funciona la retropropagación en una U-Net",
    lead: "Mostrado en la red «{}»: el filtro {} de la capa {}, para una imagen de {} píxeles. Todos los números e imágenes \
           los calculó unet-lens con los pesos de la propia red ({}).",
    intro: [
        "Dale una imagen a la red y el filtro {} responde con un mapa. La media de ese mapa es un solo número, la pérdida \
         («loss»): aquí {}. \
         Los demás filtros de la capa no se calculan: por eso aquí tiene un solo canal.",
        "¿Qué imagen lo haría responder más? Pregunta a cada píxel: si crecieras un poco, ¿cuánto crecería la pérdida? \
         Todas las respuestas juntas son el gradiente, que es otra imagen. Hallarlo probando costaría una pasada de la \
         red por cada píxel. La retropropagación las halla todas en un solo recorrido hacia atrás por la misma red.",
        "Para ello basta la regla de la cadena: lo que un valor le hace a la pérdida es lo que les hace a los valores que se \
         calculan a partir de él, multiplicado por lo que estos le hacen a la pérdida. Cada nodo solo necesita saber su pequeña parte.",
    ],
    dead: "Este filtro está muerto para esta imagen: en algún punto del camino, casi siempre una ReLU, no pasa nada, y el gradiente es \
           cero en todo lo anterior.",
    contents: "Contenido",
    u_title: "La red como una U",
    u_text: [
        "Cada cuadrado es un nodo y muestra lo que contiene para esta imagen: su canal más fuerte. Las filas son tamaños de \
         imagen: un pool o un paso («stride») baja una fila, un upsampling o una convolución transpuesta sube una. Los arcos son las \
         conexiones de salto: un valor que se usa una \
         vez al bajar y otra al subir.",
        "Avanza hasta la pérdida, y sigue: entonces los mismos nodos muestran sus gradientes y las flechas se invierten. El \
         azul es negativo, el rojo positivo y el gris claro cero.",
    ],
    u_forward: "Hacia delante: lo que contiene cada nodo",
    u_backward: "Hacia atrás: el gradiente de cada nodo",
    previous: "Atrás",
    next: "Avanzar",
    place: "Lugar en el camino de ida y vuelta",
    keys: "También se avanza con las flechas del teclado. Pulsa un nodo para ir a él.",
    status: "{} de {}: {}, {}",
    forward: "hacia delante",
    backward: "hacia atrás",
    value_of: "{}, calculado por {}",
    gradient_of: "El gradiente de {}",
    strongest: "Sus canales más fuertes, cada uno con su propia escala de color:",
    channel: "canal {}",
    shape: "forma",
    work: "trabajo",
    time: "tiempo",
    step: "paso {} del plan",
    in_step: "parte del paso {}, que calcula {}",
    in_steps: "por partes, en los pasos {}: cada uno calcula lo que necesita",
    never_written: "nunca se escribe en memoria: quienes lo leen leen sus partes",
    rms: "RMS",
    zeros: "ceros",
    arrives: "Viene de",
    by_its_rule: "por su regla",
    remembers: "memoria",
    close_up: "Ver {} de cerca",
    seed_of_gradient: "Aquí empieza el camino de vuelta: la pérdida cambia consigo misma, uno a uno.",
    skip_title: "Donde se unen dos corrientes",
    skip_text: [
        "Una conexión de salto usa un valor dos veces. Así el valor mueve la pérdida por dos caminos, y según la regla de la cadena \
         cuentan los dos: los gradientes que vuelven de los dos usos se suman. La retropropagación suma siempre que un valor \
         se usa más de una vez.",
        "La parte dice qué parte de la suma aporta una corriente; todas juntas dan el 100 %. Una parte negativa va en \
         contra de la otra. Las imágenes muestran un solo canal, el más fuerte de la suma, con una sola escala de color.",
    ],
    skip_none: "Ningún valor se usa dos veces entre la imagen y esta capa.",
    skip_by: "por {}",
    skip_share: "{} de la suma",
    skip_sum: "la suma",
    zero: "la suma es cero",
    ops_title: "Cada operación, de cerca",
    ops_text: [
        "Cada operación de esta red sobre unas pocas celdas. Los números son del propio motor: sus bucles de referencia \
         hacia delante, su regla del gradiente hacia atrás.",
        "La última tabla es la comprobación: cada entrada se mueve un poco hacia arriba y un poco hacia abajo y se mide \
         cuánto cambia el resultado. Debe ser el gradiente.",
    ],
    example: "Un ejemplo con números",
    change: "Cambia un número en una celda enmarcada: todo se vuelve a calcular. Elige una celda de entrada para ver qué mueve.",
    input: "entrada x",
    kernel: "núcleo W",
    scale_shift: "escala, desplazamiento",
    factor: "factor",
    matrix: "matriz M",
    output: "salida y",
    arriving: "dy, el que llega",
    leaving: "dx, el que sale",
    difference: "diferencia finita",
    chain: "Salidas que leen la entrada marcada: {}. dx = suma de dy por pendiente = {} = {}",
    chain_none: "Ninguna salida lee la entrada marcada: su gradiente es 0.",
    kink: "Aquí los dos difieren: esta entrada está justo en un punto anguloso, donde un paso pequeño hacia arriba y otro hacia abajo hacen \
           cosas distintas. No hay una única pendiente; la retropropagación toma un lado, la diferencia finita el medio.",
    row: "fila",
    column: "columna",
    memory_title: "Qué hay que recordar",
    memory_text: [
        "En el camino de vuelta algunos nodos piden algo del camino de ida: la ReLU los signos, el max pool los ganadores, un \
         producto sus factores, otras funciones su entrada. Eso debe quedarse en memoria hasta que se use. Una convolución no \
         pide nada: es lineal y su pendiente no depende de la entrada. (El gradiente de sus pesos sí la necesitaría; pero los \
         pesos están congelados y solo se aprende la imagen.)",
        "Los signos y los ganadores son diminutos: un bit o unos pocos por valor. Lo que ya no hace falta deja sitio a lo que \
         viene.",
    ],
    memory_numbers: "En el paso más exigente, el ascenso necesita {}. Guardar el resultado de cada nodo ocuparía {}.",
    memory_axis: "memoria",
    memory_step: "paso del plan",
    memory_working: "valores en uso",
    memory_kept: "guardados para la vuelta",
    kept_title: "Qué se guarda, y para qué gradiente",
    kept_none: "No se guarda nada: ninguna operación del camino lo pide.",
    kept_columns: ["de", "qué", "tamaño", "para", "pasos"],
    kinds: [("signs", "signos, un bit cada uno"), ("winners", "ganadores"), ("values", "los valores")],
    frames_title: "Por qué aparece la imagen",
    frames_text: [
        "El ascenso: suma a la imagen el gradiente dividido por su RMS, y vuelve a empezar. Lo que hace que el filtro responda \
         más crece con cada paso, hasta que del ruido se ve poco: cada imagen tiene su propia escala de color.",
        "Cada columna muestra la imagen tras unos pasos y, debajo, el gradiente en ese paso.",
    ],
    frame: "paso {}: pérdida {}",
    frame_gradient: "gradiente, RMS {}",
    code_title: "Dónde está esto en el código",
    code_text: "Cada operación es un archivo, que empieza con sus matemáticas. El gradiente se compone en src/engine/autodiff.rs, en un \
                solo recorrido hacia atrás. Busca estas líneas:",
    code_columns: ["operación", "hacia delante", "regla del gradiente", "bucles del gradiente", "shader"],
    made: "Hecho por unet-lens {} con: {}",
};
