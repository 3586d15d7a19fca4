//! The lesson in Spanish; what is said of each op is in `ops`.

use super::{Lang, Strings, Verdicts, terminal};
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

/// What is called without a layer's name before it.
const NAMES: [(&str, &str); 3] = [("loss", "pérdida"), ("direction", "dirección"), ("next image", "imagen siguiente")];

/// Formulas with words in them.
const FORMULAS: [(&str, &str); 24] = [
    ("d loss / d loss = 1", "d pérdida / d pérdida = 1"),
    ("y = value", "y = valor"),
    ("y = data", "y = datos"),
    ("y = max x[window]", "y = max x[ventana]"),
    ("dx[p] = dy (p = argmax x[window])", "dx[p] = dy (p = argmax x[ventana])"),
    ("y[r,s] = x[r / window.h, s / window.w]", "y[r,s] = x[r / ventana.h, s / ventana.w]"),
    ("dx[r,s] = dy[r / window.h, s / window.w]", "dx[r,s] = dy[r / ventana.h, s / ventana.w]"),
    ("y[r,s] = Σ x[window]", "y[r,s] = Σ x[ventana]"),
    ("dx = Σ dy[window]", "dx = Σ dy[ventana]"),
    ("y = scale[c] x + shift[c]", "y = escala[c] x + desplazamiento[c]"),
    ("dx = scale[c] dy", "dx = escala[c] dy"),
    ("y = Σ x / count", "y = Σ x / cantidad"),
    ("dx = dy / count", "dx = dy / cantidad"),
    ("y = sqrt(Σ x² / count)", "y = sqrt(Σ x² / cantidad)"),
    ("y = x + rate g", "y = x + tasa g"),
    ("y = x, repeated", "y = x, repetida"),
    ("dx = dy, repeated", "dx = dy, repetido"),
    ("dx = Σ dy over the copies", "dx = Σ dy sobre las copias"),
    ("y = x in another shape", "y = x con otra forma"),
    ("dx = dy in x's shape", "dx = dy con la forma de x"),
    ("y = x with its axes in another order", "y = x con los ejes en otro orden"),
    ("dx = dy with its axes in x's order", "dx = dy con los ejes en el orden de x"),
    ("y = M x, along rows or columns", "y = M x, por filas o columnas"),
    ("y = factor x", "y = factor x"),
];

/// A formula, its words in Spanish.
pub(super) fn formula(formula: &'static str) -> &'static str {
    FORMULAS.iter().find(|(en, _)| *en == formula).map_or(formula, |(_, es)| es)
}

/// The same explanation, its nodes called in Spanish.
pub(super) fn translated(e: &Explanation) -> Explanation {
    let mut e = e.clone();
    let named = |name: &str| {
        let (d, own) = name.strip_prefix("d ").map_or(("", name), |own| ("d ", own));
        let known = NAMES.iter().find(|(en, _)| *en == own);
        known.map_or_else(|| in_spanish(name), |(_, es)| format!("{d}{es}"))
    };
    let nodes = e.forward.iter_mut().chain(&mut e.backward).chain(&mut e.ascent);
    nodes.for_each(|node| {
        node.name = named(&node.name);
        (node.formula, node.rule) = (formula(node.formula), formula(node.rule));
    });
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
    climbed: "Al entrenar, la pérdida es un error y se baja por su gradiente. Aquí es justo lo que queremos que crezca: la imagen sube. La \
              pérdida se asciende, no se desciende; y lo que cambia es la imagen, nunca los pesos.",
    chosen: "De los {} filtros de la capa este es el primero en el que hay algo que ver: para la imagen de la que parte el filtro 0, {} de \
             su mapa son ceros; del mapa del propio filtro 0, {}.",
    by_hand: "Lo mejor para empezar: {}, la retropropagación de principio a fin en {} líneas.",
    source_of: "Código fuente de {}",
    source_title: "El código de {}",
    dead: "Este filtro está muerto para esta imagen: en algún punto del camino, casi siempre una ReLU, no pasa nada, y el gradiente es \
           cero en todo lo anterior.",
    contents: "Contenido",
    u_title: "La red como una U",
    u_text: [
        "Cada cuadrado es un nodo y muestra lo que contiene para esta imagen: un canal, en todas partes el del mismo número, si el nodo \
         tiene tantos. Las filas son tamaños de imagen: un pool o un paso («stride») baja una fila, un upsampling o una convolución \
         transpuesta sube una. Los arcos son las conexiones de salto: un valor que se usa una vez al bajar y otra al subir.",
        "Avanza hasta la pérdida, y sigue: entonces los mismos nodos muestran sus gradientes y las flechas se invierten. Tras el \
         gradiente de la imagen vienen las tres operaciones que hacen de él un paso.",
    ],
    u_forward: "Hacia delante: lo que contiene cada nodo",
    u_backward: "Hacia atrás: el gradiente de cada nodo",
    after: "el paso",
    ascent_title: "El paso, en los colores del camino de ida:",
    ascent: [
        ("rms", "Cómo de grande es el gradiente: la raíz de la media de sus cuadrados."),
        (
            "normalise",
            "El gradiente dividido por su RMS: todos los pasos miden lo mismo, por grande o pequeño que sea el gradiente. Epsilon \
                       deja en cero un gradiente de cero.",
        ),
        (
            "step",
            "Sumado a la imagen: la imagen con la que empieza el paso siguiente. Sumado, no restado: la pérdida se asciende.",
        ),
    ],
    choose_channel: "Canal",
    silent_channel: "{} (casi mudo)",
    same_channel: "El canal {}, como en el dibujo:",
    scale: "Una sola escala para todos los cuadrados, para poder comparar vecinos: el azul es negativo, el rojo positivo, y cada paso de \
            color es un factor. Lo que es exactamente cero tiene su propio color.",
    exact_zero: "exactamente 0",
    previous: "Atrás",
    next: "Avanzar",
    place: "Lugar en el camino de ida y vuelta",
    keys: "También se avanza con las flechas del teclado. Pulsa un nodo para ir a él.",
    status: "{} de {}: {}, {}",
    forward: "hacia delante",
    backward: "hacia atrás",
    value_of: "{}, calculado por {}",
    gradient_of: "El gradiente de {}",
    strongest: "Sus canales más fuertes, cada uno con su propia escala de color, de su valor más pequeño (oscuro, o azul) al más grande:",
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
        "El porcentaje dice qué parte de la suma aporta una corriente; todas juntas dan el 100\u{a0}%. Una parte negativa va en \
         contra de la otra. Las imágenes muestran un solo canal, el más fuerte de la suma, con una sola escala de color.",
        "Esa parte es (corriente · suma) / (suma · suma), donde · multiplica dos gradientes número a número y suma todos los productos: lo \
         que la corriente avanza en la dirección de la suma, medido con la suma.",
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
    parts: ["dx₁, por la conexión de salto", "dx₂, por el pool"],
    turned: [
        "Por qué gira, con el centro del núcleo en 0: y[p] = Σ x[p + k] W[k]. ¿Qué salidas leen x[q]? Las que tienen p + k = q, es decir, \
         p = q − k. Sustituyendo: dx[q] = Σ dy[q − k] W[k]. Con j = −k es Σ dy[q + j] W[−j]: una convolución sobre dy con el núcleo girado \
         media vuelta.",
        "Elige una celda de x: el núcleo girado se pone sobre dy, y cada celda de dy que cubre muestra el peso por el que se multiplica.",
    ],
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
        "Un signo es un bit. Un ganador de una ventana de 2×2 ocupa 4: un bit por lugar, de los que uno vale 1. Con dos bits bastaría para \
         decir el lugar; pero los cuatro son ya la máscara que dice, lugar por lugar, quién recibe el gradiente.",
    ],
    memory_numbers: "El ascenso necesita {} en su paso más exigente. Guardar el resultado de cada nodo ocuparía {}.",
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
        "¿Por qué la RMS? El gradiente dice hacia dónde se sube, pero su tamaño dice poco de cuánto avanzar: de una capa a otra cambia mil \
         veces, y aquí es {} al principio. Dividido por su RMS, cada paso cambia los píxeles alrededor de 1, en todas las capas, y así \
         una sola receta sirve para todas.",
        "Cada columna muestra la imagen tras unos pasos y, debajo, el gradiente en ese paso.",
    ],
    frame: "paso {}: pérdida {}",
    frame_gradient: "gradiente, RMS {}",
    code_title: "Dónde está esto en el código",
    code_text: [
        "El gradiente se compone en un solo recorrido hacia atrás. Esto es todo, tal como está en el código:",
        "Cada operación es un archivo, que empieza con sus matemáticas. Busca estas líneas:",
    ],
    code_columns: ["operación", "hacia delante", "regla del gradiente", "bucles del gradiente", "shader"],
    made: "Hecho por unet-lens {} con: {}",

    others_title: "Filtros mudos y bordes brillantes",
    others_text: "La misma imagen, otros filtros, con una sola escala de color. Lo oscuro es exactamente cero.",
    others_filter: "filtro {} de {}",
    others_own: "el explicado",
    others_dead: "muerto",
    others_gradient: "el gradiente del filtro muerto",
    others_border: "brilla en el borde",
    dead_title: "Qué significa muerto",
    dead_text: [
        "El filtro {} de {} no responde en ningún lugar: todas las sumas que hace su núcleo son negativas, y la ReLU las vuelve todas cero. \
         Donde la ReLU está apagada no vuelve gradiente; es cero para todos los píxeles, y ningún paso lleva a ninguna parte. El ascenso \
         se queda donde empezó.",
        "Eso vale para esta imagen, no para siempre: desde otro comienzo el filtro puede despertar. Y su imagen sería el ruido con el que \
         empezó: por eso no se muestra nunca como respuesta.",
    ],
    dead_none: "Ningún filtro de esta red está muerto para esta imagen. Un filtro muerto no responde en ningún lugar: la ReLU vuelve cero todo \
                lo que encuentra su núcleo, y donde está apagada no vuelve gradiente. Es cero para todos los píxeles, y ningún paso lleva \
                a ninguna parte.",
    border_title: "Por qué brillan los bordes",
    border_text: "Más allá de la imagen una convolución lee ceros (relleno con ceros, «zero padding»). Para ella el borde de la imagen es un \
                  escalón, de lo que hay en la imagen a 0, aunque la imagen no tenga ninguno; y un filtro que busca escalones, u oscuro \
                  junto a claro, responde ahí. Cada capa añade su propio anillo.",
    border_numbers: "El filtro {} aquí: {} de toda su respuesta está en el anillo exterior, que es {} de los píxeles.",

    exercises_title: "Ejercicios",
    exercises_text: [
        "Ocho gradientes, de fácil a difícil. Predice la celda marcada, o escribe la regla para todas las celdas en una línea de JavaScript; \
         o las dos cosas. Lo que escribes se compara con lo que calculó el motor.",
        "Sin prisa y sin notas. Una línea que no termina nunca se detiene al cabo de dos segundos. La solución es el código del propio motor, a \
         un clic.",
    ],
    exercises_state: "Lo que respondes, y todo lo que eliges en esta página, está en su dirección: cópiala, y quien la abra verá lo mismo.",
    exercise_progress: "{} de {} resueltos",
    exercise_solved: "resuelto",
    predict: "Predice",
    write_rule: "O escribe la regla",
    check: "Comprobar",
    solution: "La solución, en el código",
    yours: "la tuya",
    pixel: "el píxel",
    verdicts: Verdicts {
        exact: "Exacto: es lo que calculó el motor.",
        close: "Cerca: como mucho a {} de lo que calculó el motor.",
        wrong: "No, el motor tiene ahí otro número.",
        differs: "La fila {}, columna {}{} es distinta: la tuya da {} y la del motor {}.",
        more: "Y otras {} celdas también.",
        more_one: "Y otra celda también.",
        no_number: "Para la fila {}, columna {}{} tu línea da {}, que no es un número.",
        no_rule: "Esto no es una expresión de JavaScript: {}",
        slow: "Detenido al cabo de dos segundos: ¿termina alguna vez?",
        nothing: "Todavía no hay nada que comprobar.",
    },

    tour_label: "Recorrido",
    tour_play: "Reproducir",
    tour_pause: "Pausa",
    tour_next: "Siguiente",
    tour_stop: "Saltar el recorrido",
    tour_about: "Un recorrido de dos minutos",
    tour_at: "{} de {}",

    terminal: terminal::ES,
};
