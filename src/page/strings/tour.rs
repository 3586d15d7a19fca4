//! The tour through the lesson, in both languages beside each other: about two minutes of sentences.

use super::Lang;

/// A stop: where it is, and what is said there. A place is "forward OP", the first node of that op; "loss" and "image", their
/// gradients; "by OP", the first gradient on the way back that came by that op's rule, and "last OP" the last; "skip", where streams
/// join; or "#id", a section of the page. A stop at a place that the network does not have is left out.
pub type Stop = (&'static str, &'static str);

pub(super) fn stops(lang: Lang) -> &'static [Stop] {
    match lang {
        Lang::En => &EN,
        Lang::Es => &ES,
    }
}

const EN: [Stop; 15] = [
    (
        "forward input",
        "This is where it begins: an image of noise. The network is going to be asked what it makes of it.",
    ),
    ("forward conv2d", "A convolution: a small kernel slides over the image. Red is above zero, blue below."),
    ("forward relu", "ReLU makes zero of everything negative. The dark pixels are exact zeros: there the way is cut."),
    ("forward max_pool", "Max pool keeps the largest of four pixels. The image is half as large from here on."),
    (
        "forward upsample",
        "At the bottom the image is smallest. Then the way leads up again: every pixel becomes a block.",
    ),
    (
        "forward concat",
        "And the skip: what was there on the way down is laid beside what came from below. It is used a second time.",
    ),
    (
        "forward mean",
        "The mean of the filter's map is the loss, one number. We want it to grow: it is climbed, not descended.",
    ),
    (
        "loss",
        "Now back. The loss moves with itself, one to one: its gradient is 1. Every node asks only its own small question.",
    ),
    (
        "by conv2d",
        "A convolution's gradient is a convolution with the kernel turned by half a turn. It has nothing to remember.",
    ),
    (
        "skip",
        "Here a value was used twice, so two gradients come back, and they are added. That is all there is to a skip.",
    ),
    (
        "last relu",
        "Where ReLU was off, the gradient is cut as well: the dark pixels. One bit for each value was kept for this.",
    ),
    (
        "image",
        "The image's own gradient: for every pixel, how the loss grows when the pixel does. It took one walk back.",
    ),
    (
        "forward step",
        "Divided by its RMS and added to the image it makes a step uphill. Twenty of them draw the picture.",
    ),
    (
        "#live",
        "Under the drawing the page itself computes: draw an image, take any filter, and watch it climb. Look inside. Break it.",
    ),
    ("#exercises", "Now it is your turn: eight exercises, from easy to hard. The engine knows the answers."),
];

const ES: [Stop; 15] = [
    ("forward input", "Aquí empieza todo: una imagen de ruido. Vamos a preguntarle a la red qué ve en ella."),
    (
        "forward conv2d",
        "Una convolución: un núcleo pequeño se desliza por la imagen. El rojo está por encima de cero, el azul por debajo.",
    ),
    (
        "forward relu",
        "La ReLU vuelve cero todo lo negativo. Los píxeles oscuros son ceros exactos: ahí el camino está cortado.",
    ),
    ("forward max_pool", "El max pool se queda con el mayor de cuatro píxeles. Desde aquí la imagen mide la mitad."),
    (
        "forward upsample",
        "Abajo la imagen es más pequeña que nunca. Luego se vuelve a subir: cada píxel se hace un bloque.",
    ),
    (
        "forward concat",
        "Y la conexión de salto: lo que había al bajar se pone junto a lo que viene de abajo. Se usa por segunda vez.",
    ),
    (
        "forward mean",
        "La media del mapa del filtro es la pérdida, un solo número. Queremos que crezca: se asciende, no se desciende.",
    ),
    (
        "loss",
        "Ahora la vuelta. La pérdida cambia consigo misma, uno a uno: su gradiente es 1. Cada nodo responde solo a su pregunta.",
    ),
    (
        "by conv2d",
        "El gradiente de una convolución es una convolución con el núcleo girado media vuelta. No tiene nada que recordar.",
    ),
    (
        "skip",
        "Aquí un valor se usó dos veces: vuelven dos gradientes y se suman. Eso es todo lo que hay en una conexión de salto.",
    ),
    (
        "last relu",
        "Donde la ReLU estaba apagada también se corta el gradiente: los píxeles oscuros. Para esto se guardó un bit por valor.",
    ),
    (
        "image",
        "El gradiente de la imagen: para cada píxel, cuánto crece la pérdida cuando crece el píxel. Bastó un recorrido de vuelta.",
    ),
    (
        "forward step",
        "Dividido por su RMS y sumado a la imagen da un paso cuesta arriba. Veinte pasos dibujan la imagen.",
    ),
    (
        "#live",
        "Bajo el dibujo, la propia página calcula: dibuja una imagen, elige cualquier filtro y mira cómo asciende. Mira dentro. Rómpelo.",
    ),
    ("#exercises", "Ahora te toca a ti: ocho ejercicios, de fácil a difícil. El motor conoce las respuestas."),
];
