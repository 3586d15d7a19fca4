//! What the living part says: by key, in English and in Spanish. `{}` is where a number or a name goes.

use crate::page::strings::Lang;
use serde_json::Value;

/// Every text in both languages.
const TEXTS: &[(&str, &str, &str)] = &[
    ("title", "Play: the page computes", "Juega: la página calcula"),
    (
        "intro",
        "Everything above was computed when this page was made. Here your own machine computes, with the network's own weights \
         and this project's own shaders: draw an image, choose any filter of any layer, and climb its gradient.",
        "Todo lo anterior se calculó al crear esta página. Aquí calcula tu propia máquina, con los pesos de la red y los shaders \
         de este proyecto: dibuja una imagen, elige cualquier filtro de cualquier capa y asciende por su gradiente.",
    ),
    (
        "script",
        "For this the page needs JavaScript; everything else reads without.",
        "Para esto la página necesita JavaScript; todo lo demás se lee sin él.",
    ),
    ("opening", "Unpacking the network…", "Desempaquetando la red…"),
    (
        "broken",
        "Nothing can be computed in this browser ({}); everything recorded stays as it is.",
        "En este navegador no se puede calcular ({}); todo lo grabado sigue como está.",
    ),
    ("who_gpu", "Your GPU computes, through WebGPU: {}.", "Calcula tu GPU, mediante WebGPU: {}."),
    (
        "who_cpu",
        "Your processor computes, in JavaScript: slower, and the same numbers.",
        "Calcula tu procesador, en JavaScript: más lento, y los mismos números.",
    ),
    ("no_gpu", "This browser has no WebGPU.", "Este navegador no tiene WebGPU."),
    (
        "lost",
        "The GPU is gone ({}); the processor goes on from here.",
        "La GPU se ha perdido ({}); el procesador continúa desde aquí.",
    ),
    ("speed", "{}×{} pixels, {} ms a step.", "{}×{} píxeles, {} ms por paso."),
    ("what", "What is climbed", "Qué se asciende"),
    ("layer", "Layer", "Capa"),
    ("filter", "Filter", "Filtro"),
    ("size", "Size", "Tamaño"),
    ("engine", "Computed by", "Calcula"),
    ("gpu", "GPU", "GPU"),
    ("cpu", "processor", "procesador"),
    ("goal", "Goal", "Objetivo"),
    ("goal_mean", "mean of its map", "media de su mapa"),
    ("goal_square", "mean of the squares", "media de los cuadrados"),
    ("goal_neuron", "one neuron: the marked place", "una neurona: el lugar marcado"),
    ("from", "Where it starts", "Desde dónde se parte"),
    ("start", "Image", "Imagen"),
    ("start_noise", "noise", "ruido"),
    ("start_recorded", "the one above", "la de arriba"),
    ("start_phantom", "phantom", "fantoma"),
    ("start_bar", "a bar", "una barra"),
    ("start_photo", "a photo", "una foto"),
    ("start_drawn", "drawn by you", "dibujada por ti"),
    ("seed", "Seed of the noise", "Semilla del ruido"),
    ("angle", "Angle of the bar", "Ángulo de la barra"),
    ("photo", "Photo (or drop one on the image)", "Foto (o suelta una sobre la imagen)"),
    (
        "photo_sent",
        "The address holds this photo as {}×{} grey pixels: a link shows it so.",
        "La dirección contiene esta foto como {}×{} píxeles grises: así la muestra un enlace.",
    ),
    ("how", "The recipe", "La receta"),
    ("how2", "The second recipe", "La segunda receta"),
    ("optimizer", "Step", "Paso"),
    ("ascent", "gradient / RMS", "gradiente / RMS"),
    ("adam", "Adam", "Adam"),
    ("rate", "Step size", "Tamaño del paso"),
    ("jitter", "Jitter, pixels", "Temblor, píxeles"),
    ("two", "Two recipes side by side", "Dos recetas, una junto a otra"),
    ("run", "Run", "Ejecutar"),
    ("pause", "Pause", "Pausa"),
    ("step", "One step", "Un paso"),
    ("back", "Back to the start", "Volver al principio"),
    (
        "address",
        "All that you choose, and how many steps were run, stands in this page's address: sent to someone, it leads here again.",
        "Todo lo que eliges, y cuántos pasos se han dado, está en la dirección de esta página: si se la envías a alguien, lleva \
         hasta aquí.",
    ),
    ("scrub", "Step shown", "Paso mostrado"),
    ("image", "Image", "Imagen"),
    ("gradient", "Its gradient", "Su gradiente"),
    ("map", "Map of the filter", "Mapa del filtro"),
    ("curve", "Loss over the steps: it is climbed", "Pérdida a lo largo de los pasos: se asciende"),
    (
        "pen",
        "Click the image to mark a pixel; with “drawn by you” the pointer draws. By keyboard: arrows move the mark, Space draws.",
        "Pulsa en la imagen para marcar un píxel; con «dibujada por ti» el puntero dibuja. Con el teclado: las flechas mueven la \
         marca, Espacio dibuja.",
    ),
    ("row", "Marked row", "Fila marcada"),
    ("column", "Marked column", "Columna marcada"),
    ("said", "Step {} of {}: loss {}, RMS of the gradient {}.", "Paso {} de {}: pérdida {}, RMS del gradiente {}."),
    ("said2", "Second recipe: loss {}.", "Segunda receta: pérdida {}."),
    (
        "dead",
        "The gradient is 0 everywhere: the filter is dead here, and no step leads anywhere.",
        "El gradiente es 0 en todas partes: aquí el filtro está muerto y ningún paso lleva a ningún sitio.",
    ),
    ("inside_title", "Look inside while it runs", "Mira dentro mientras trabaja"),
    (
        "inside_text",
        "Each node of the network with its strongest channel (or the one you choose): above what went forward, below the gradient \
         that came back, and beside each the four strongest channels. Click one of those: every node shows that channel. Click a \
         node, then a pixel of its map: the numbers that it is made of, added up. By keyboard: Tab goes from node to node, arrows to \
         its channels.",
        "Cada nodo de la red con su canal más fuerte (o el que elijas): arriba lo que fue hacia delante, abajo el gradiente que \
         volvió, y junto a cada uno los cuatro canales más fuertes. Pulsa uno de ellos: todos los nodos muestran ese canal. Pulsa un \
         nodo y después un píxel de su mapa: los números de los que está hecho, sumados. Con el teclado: Tab va de nodo en nodo, las \
         flechas a sus canales.",
    ),
    ("inside", "Look inside", "Mirar dentro"),
    ("channel", "Channel (empty: the strongest)", "Canal (vacío: el más fuerte)"),
    ("node_forward", "{}, forward, channel {}", "{}, hacia delante, canal {}"),
    ("node_back", "gradient of {}, channel {}", "gradiente de {}, canal {}"),
    ("strip", "strongest channels, {}", "canales más fuertes, {}"),
    ("of_strip", "{}, channel {}: mean magnitude {}", "{}, canal {}: magnitud media {}"),
    (
        "winner",
        "Its gradient goes to row {}, column {} of {} alone: there is the largest of them, the first if several are.",
        "Su gradiente va solo a la fila {}, columna {} de {}: ahí está el mayor de ellos, el primero si hay varios.",
    ),
    ("forward", "forward", "hacia delante"),
    ("backward", "gradient", "gradiente"),
    (
        "made_of",
        "{} at row {}, column {}, channel {} ({}) is made of:",
        "{} en la fila {}, columna {}, canal {} ({}) se compone de:",
    ),
    ("term", "Term", "Término"),
    ("value", "Value", "Valor"),
    ("sum", "Sum", "Suma"),
    ("computed", "What the network has there", "Lo que la red tiene ahí"),
    ("bias", "bias", "sesgo"),
    ("of_channel", "channel {}: patch · kernel", "canal {}: parche · núcleo"),
    ("rest", "the other {} channels", "los otros {} canales"),
    ("others", "the other {} terms", "los otros {} términos"),
    (
        "patch",
        "Patch of channel {} times its kernel, value by value:",
        "Parche del canal {} por su núcleo, valor a valor:",
    ),
    ("no_terms", "An input: it is written, not computed.", "Una entrada: se escribe, no se calcula."),
    ("routes_title", "Follow one pixel", "Sigue un píxel"),
    (
        "routes_text",
        "The gradient of a pixel is a sum over the routes through the network: at each concatenation the gradient goes on by one \
         input alone. Backward once for each route; the parts add up to the whole gradient.",
        "El gradiente de un píxel es una suma sobre las rutas por la red: en cada concatenación el gradiente sigue por una sola \
         entrada. Una pasada hacia atrás por cada ruta; las partes suman el gradiente entero.",
    ),
    ("routes", "Split the gradient by routes", "Dividir el gradiente por rutas"),
    ("route", "Route", "Ruta"),
    ("share", "Share", "Parte"),
    ("percent", "{}%", "{}\u{a0}%"),
    ("at_pixel", "At the marked pixel", "En el píxel marcado"),
    ("over_image", "In the whole image", "En toda la imagen"),
    ("whole", "The whole gradient", "El gradiente entero"),
    ("routes_sum", "Sum of the routes", "Suma de las rutas"),
    (
        "no_routes",
        "There is one way only: no concatenation lies between this layer and the image.",
        "Solo hay un camino: entre esta capa y la imagen no hay concatenaciones.",
    ),
    (
        "too_many",
        "There are more than {} routes; that is too many to show.",
        "Hay más de {} rutas; son demasiadas para mostrarlas.",
    ),
    ("by", "{} by {}", "{} por {}"),
    ("break_title", "Break it", "Rómpelo"),
    (
        "break_text",
        "Switch a part off and climb again. Where another function is computed, its gradient is still the gradient. Where only the \
         way back is changed, it is one no longer, and the check turns red.",
        "Apaga una parte y asciende de nuevo. Si se calcula otra función, su gradiente sigue siendo el gradiente. Si solo se cambia \
         el camino de vuelta, deja de serlo, y la comprobación se pone roja.",
    ),
    (
        "guided",
        "ReLU lets back only what is positive (guided backprop)",
        "ReLU solo deja volver lo positivo (guided backprop)",
    ),
    ("scale", "Batch norm's gradient forgets its scale", "El gradiente de batch norm olvida su escala"),
    ("skip", "A skip counts as 0", "Una conexión de salto cuenta como 0"),
    ("skip_none", "all are there", "todas están"),
    ("off", "Filters that are off, as layer/filter", "Filtros apagados, como capa/filtro"),
    ("check", "Check against finite differences", "Comprobar con diferencias finitas"),
    ("checking", "Measuring, {} of {}…", "Midiendo, {} de {}…"),
    ("check_where", "Where", "Dónde"),
    ("check_backprop", "Gradient", "Gradiente"),
    ("check_difference", "Finite difference", "Diferencia finita"),
    ("check_pixel", "pixel {}, {}", "píxel {}, {}"),
    ("check_direction", "along the gradient itself", "a lo largo del propio gradiente"),
    ("check_good", "They agree: this is the gradient.", "Coinciden: este es el gradiente."),
    (
        "check_bad",
        "They differ: this is not the gradient of what is computed.",
        "Difieren: este no es el gradiente de lo que se calcula.",
    ),
    (
        "unknown_filter",
        "{} is no filter of this network on the way to the layer.",
        "{} no es un filtro de esta red en el camino a la capa.",
    ),
];

pub fn text(lang: Lang, key: &str) -> &'static str {
    let (_, en, es) = TEXTS.iter().find(|(known, ..)| *known == key).unwrap_or_else(|| panic!("no text {key}"));
    match lang {
        Lang::En => en,
        Lang::Es => es,
    }
}

/// All of them, for the scripts.
pub fn all(lang: Lang) -> Value {
    TEXTS
        .iter()
        .map(|(key, ..)| (key.to_string(), Value::from(text(lang, key))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
