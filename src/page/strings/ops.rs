//! What the lesson says about each op, in both languages beside each other.

use super::{Lang, OpText};

struct Said {
    /// The ops and topics that it is said of, the topic first.
    of: &'static [&'static str],
    en: OpText,
    es: OpText,
}

/// What is said about the op or topic of this name; `None` if it is no forward op.
pub(super) fn text(name: &str, lang: Lang) -> Option<&'static OpText> {
    let said = SAID.iter().find(|said| said.of.contains(&name))?;
    Some(match lang {
        Lang::En => &said.en,
        Lang::Es => &said.es,
    })
}

/// `$title` is empty where the op's name is the title.
macro_rules! said {
    ($([$($of:literal),+] en: $et:literal, $ef:literal, $eb:literal, $er:literal; es: $st:literal, $sf:literal, $sb:literal, $sr:literal;)*) => {
        &[$(Said {
            of: &[$($of),+],
            en: OpText { title: $et, forward: $ef, backward: $eb, remembers: $er },
            es: OpText { title: $st, forward: $sf, backward: $sb, remembers: $sr },
        }),*]
    };
}

/// Title, forward, backward, and what must be remembered, without a full stop.
const SAID: &[Said] = said! {
    ["input"]
        en: "",
            "The image itself: what the climb changes.",
            "Its gradient is what was asked for: for each pixel, how the loss changes when the pixel does.",
            "nothing";
        es: "",
            "La propia imagen: lo que cambia al subir.",
            "Su gradiente es lo que se pedía: para cada píxel, cómo cambia la pérdida cuando cambia el píxel.",
            "no guarda nada";
    ["conv2d"]
        en: "",
            "A kernel slides over the image; each output is a weighted sum of the inputs under it.",
            "An input touched every output whose kernel lay over it, each through another weight. Gather dy from those outputs \
             with the same weights: that is a convolution again, with the kernel turned by half a turn.",
            "nothing: a convolution is linear, so its slope is the weight, whatever the input was";
        es: "",
            "Un núcleo se desliza por la imagen; cada salida es una suma ponderada de las entradas que cubre.",
            "Una entrada tocó todas las salidas cuyo núcleo la cubría, cada una con otro peso. Se recoge dy de esas salidas con \
             los mismos pesos: es otra vez una convolución, con el núcleo girado media vuelta.",
            "no guarda nada: una convolución es lineal y su pendiente es el peso, fuera cual fuera la entrada";
    ["conv2d-valid"]
        en: "conv2d, no padding",
            "Without zeros around the image ('valid') the kernel stays inside, so the output is smaller: a pixel less on each \
             side for a kernel of 3.",
            "The same sum as ever, but the way back has to make the image larger: dy gets the zeros around it, as many as the \
             kernel reaches. A pixel in the corner was read by one output, so it gets one term.",
            "nothing: a convolution is linear, so its slope is the weight, whatever the input was";
        es: "conv2d, sin relleno",
            "Sin ceros alrededor de la imagen ('valid') el núcleo se queda dentro y la salida es más pequeña: con un núcleo de \
             3, un píxel menos por cada lado.",
            "La misma suma de siempre, pero la vuelta tiene que agrandar la imagen: ahora es dy quien recibe ceros alrededor, \
             tantos como alcanza el núcleo. A un píxel de la esquina lo leyó una sola salida: recibe un solo término.",
            "no guarda nada: una convolución es lineal y su pendiente es el peso, fuera cual fuera la entrada";
    ["conv2d-even"]
        en: "conv2d, even kernel",
            "A kernel of even sides has no pixel in the middle. Keras' 'same' puts the odd row and column of zeros below and to \
             the right.",
            "The kernel turns by half a turn, and with it its reach: on the way back the odd row and column of zeros come above \
             and to the left.",
            "nothing: a convolution is linear, so its slope is the weight, whatever the input was";
        es: "conv2d, núcleo par",
            "Un núcleo de lados pares no tiene píxel central. El 'same' de Keras pone la fila y la columna de ceros que sobran \
             abajo y a la derecha.",
            "El núcleo gira media vuelta, y con él su alcance: a la vuelta la fila y la columna de ceros que sobran van arriba y \
             a la izquierda.",
            "no guarda nada: una convolución es lineal y su pendiente es el peso, fuera cual fuera la entrada";
    ["conv2d-stride"]
        en: "conv2d, stride",
            "The kernel leaps: from one output to the next by the stride, so the output is that much smaller.",
            "Each dy goes back to the inputs that its output read, through the weights it read them with, and where kernels \
             overlapped the terms add up: a transposed convolution. An input that no kernel lay over gets 0.",
            "nothing: a convolution is linear, so its slope is the weight, whatever the input was";
        es: "conv2d, con paso",
            "El núcleo salta: de una salida a la siguiente, tantos píxeles como diga el paso («stride»), y la salida se reduce \
             otro tanto.",
            "Cada dy vuelve a las entradas que leyó su salida, con los pesos con que las leyó, y donde los núcleos se solapaban \
             los términos se suman: una convolución transpuesta. Una entrada que ningún núcleo cubrió recibe 0.",
            "no guarda nada: una convolución es lineal y su pendiente es el peso, fuera cual fuera la entrada";
    ["conv2d-dilation"]
        en: "conv2d, dilation",
            "The kernel's pixels lie apart, with gaps between them: it sees further with as many weights.",
            "The same kernel, turned by half a turn, with the same gaps.",
            "nothing: a convolution is linear, so its slope is the weight, whatever the input was";
        es: "conv2d, con dilatación",
            "Los píxeles del núcleo están separados, con huecos entre ellos: ve más lejos con los mismos pesos.",
            "El mismo núcleo, girado media vuelta, con los mismos huecos.",
            "no guarda nada: una convolución es lineal y su pendiente es el peso, fuera cual fuera la entrada";
    ["conv2d-groups"]
        en: "conv2d, groups",
            "The channels are cut into groups that see nothing of each other. With a group for each channel it is a depthwise \
             convolution, as here: each channel has a kernel of its own.",
            "What did not see each other forward does not meet on the way back: the gradient is a convolution in the same \
             groups.",
            "nothing: a convolution is linear, so its slope is the weight, whatever the input was";
        es: "conv2d, por grupos",
            "Los canales se reparten en grupos que no saben nada unos de otros. Con un grupo por canal es una convolución \
             «depthwise», como aquí: cada canal tiene su propio núcleo.",
            "Lo que no se mezcló a la ida tampoco se mezcla a la vuelta: el gradiente es una convolución con los mismos grupos.",
            "no guarda nada: una convolución es lineal y su pendiente es el peso, fuera cual fuera la entrada";
    ["conv_transpose"]
        en: "",
            "A convolution the other way round: each input lays the kernel, times its value, onto the output, and where kernels \
             overlap they add up. With a stride it makes an image larger.",
            "An input moved all outputs that its kernel lay on, each through one weight. Gather dy from there: that is the \
             convolution with the same kernel and stride. The two are each other's gradient.",
            "nothing: it is linear, so its slope is the weight, whatever the input was";
        es: "",
            "Una convolución al revés: cada entrada pone el núcleo, multiplicado por su valor, sobre la salida, y donde los \
             núcleos se solapan se suman. Con paso («stride») agranda la imagen.",
            "Una entrada movió todas las salidas que cubría su núcleo, cada una con un peso. Se recoge dy de ahí: es la \
             convolución con el mismo núcleo y el mismo paso. Cada una es el gradiente de la otra.",
            "no guarda nada: es lineal y su pendiente es el peso, fuera cual fuera la entrada";
    ["batch_norm"]
        en: "",
            "With mean and variance frozen, it multiplies each channel by a scale and adds a shift.",
            "The shift moves nothing. Each channel of dy is multiplied by the same scale.",
            "nothing: the scale is frozen";
        es: "",
            "Con media y varianza congeladas, multiplica cada canal por una escala y suma un desplazamiento.",
            "El desplazamiento no mueve nada. Cada canal de dy se multiplica por la misma escala.",
            "no guarda nada: la escala está congelada";
    ["scale"]
        en: "",
            "Multiplies everything by one number that is known beforehand.",
            "Every output moves by that number for 1 of its input, so dy is multiplied by it too.",
            "nothing: the factor is the same for every image";
        es: "",
            "Multiplica todo por un número que se sabe de antemano.",
            "Cada salida se mueve ese número por cada 1 de su entrada: también dy se multiplica por él.",
            "no guarda nada: el factor es el mismo para cualquier imagen";
    ["relu"]
        en: "",
            "What is negative becomes zero.",
            "Where it let the value through, it lets the gradient through. Where it was off, a small move of the input changes \
             nothing, so the gradient is zero. At exactly zero there is no one slope; backprop takes 0.",
            "a bit per value: whether it was positive";
        es: "",
            "Lo negativo se vuelve cero.",
            "Donde dejó pasar el valor deja pasar el gradiente. Donde estaba apagada, mover un poco la entrada no cambia nada: \
             el gradiente es cero. Justo en cero no hay una única pendiente; la retropropagación toma 0.",
            "guarda un bit por valor: si era positivo";
    ["leaky_relu", "elu", "selu", "general_relu", "tanh", "exp", "softplus", "softsign", "silu", "gelu", "gelu_tanh",
     "hard_sigmoid", "hard_swish", "mish", "abs", "log", "sqrt", "reciprocal"]
        en: "",
            "A function of each number by itself.",
            "Each output has one input, and follows it with the function's slope there. So each dy is multiplied by the slope \
             at its own x; where the function is flat, nothing comes back.",
            "its input x, at which the slope is taken";
        es: "",
            "Una función de cada número por separado.",
            "Cada salida tiene una sola entrada y la sigue con la pendiente de la función en ese punto. Por eso cada dy se \
             multiplica por la pendiente en su propia x; donde la función es plana no vuelve nada.",
            "guarda su entrada x, en la que se toma la pendiente";
    ["sigmoid"]
        en: "",
            "Squashes every number into the range from 0 to 1.",
            "Its slope is y (1 - y): steep in the middle, flat at both ends.",
            "its result y, of which the slope is made";
        es: "",
            "Comprime cualquier número al intervalo entre 0 y 1.",
            "Su pendiente es y (1 - y): empinada en el centro, plana en los extremos.",
            "guarda su resultado y, del que se hace la pendiente";
    ["softmax"]
        en: "",
            "Makes of some numbers, here the channels of a pixel, positive ones that add up to 1: what is larger gets more.",
            "Raising one input raises its own output and lowers all others, since they share the 1. What all dy have in common \
             therefore moves nothing; it is taken off, and what is left is weighted by y. The gradients of a group add up to 0.",
            "its result y, of which the slopes are made";
        es: "",
            "Hace de unos números, por ejemplo los canales de un píxel, otros positivos que suman 1: al mayor le toca más.",
            "Subir una entrada sube su propia salida y baja todas las demás, pues se reparten el 1. Lo que todos los dy tienen en \
             común no mueve nada: se resta, y el resto se pondera con y. Los gradientes de un grupo suman 0.",
            "guarda su resultado y, del que se hacen las pendientes";
    ["max_pool"]
        en: "",
            "Of each window only the largest value goes on.",
            "Only the winner moved the output, so only the winner gets the gradient; all others get zero. Of equal values the \
             first wins, as in Keras: somebody has to. Ties are common behind a ReLU, in windows of zeros; what the first zero gets \
             there, ReLU's mask stops.",
            "which value of each window won";
        es: "",
            "De cada ventana solo sigue el valor más grande.",
            "Solo el ganador movió la salida, así que solo el ganador recibe el gradiente; los demás reciben cero. Entre iguales \
             gana el primero, como en Keras: alguno tiene que ganar. Los empates son comunes tras una ReLU, en ventanas de ceros; lo \
             que recibe ahí el primer cero lo detiene la máscara de la ReLU.",
            "guarda qué valor de cada ventana ganó";
    ["max_pool-stride"]
        en: "max_pool, stride",
            "The windows overlap, or reach over the border, or leave pixels out. Beyond the border nothing can win.",
            "Where windows overlap, a value may win several of them: then it gets the gradients of all, added up. A pixel that \
             lies in no window gets 0.",
            "its input x, in which the winners are found again";
        es: "max_pool, con paso",
            "Las ventanas se solapan, o pasan del borde, o dejan píxeles fuera. Más allá del borde nada puede ganar.",
            "Donde las ventanas se solapan, un valor puede ganar en varias: entonces recibe los gradientes de todas, sumados. Un \
             píxel que no está en ninguna ventana recibe 0.",
            "guarda su entrada x, en la que se vuelve a buscar a los ganadores";
    ["upsample"]
        en: "",
            "Each pixel becomes a block of equal pixels.",
            "One input moved a whole block of outputs, so the gradients of the block add up.",
            "nothing";
        es: "",
            "Cada píxel se vuelve un bloque de píxeles iguales.",
            "Una entrada movió un bloque entero de salidas: los gradientes del bloque se suman.",
            "no guarda nada";
    ["sum_pool"]
        en: "",
            "The sum of each window. Divided by the number of its pixels it is an average pool.",
            "Every pixel of a window counts the same in its sum, one to one, so each gets the window's dy: an upsampling.",
            "nothing";
        es: "",
            "La suma de cada ventana. Dividida por su número de píxeles es un average pool.",
            "Todos los píxeles de una ventana cuentan igual en su suma, uno a uno: cada uno recibe el dy de la ventana. Es un \
             upsampling.",
            "no guarda nada";
    ["concat"]
        en: "",
            "Lays the channels of its inputs side by side: the bridge of the U-Net.",
            "Nothing was mixed, so each input takes back its own channels of dy.",
            "nothing";
        es: "",
            "Pone los canales de sus entradas uno al lado de otro: el puente de la U-Net.",
            "Nada se mezcló: cada entrada recupera sus propios canales de dy.",
            "no guarda nada";
    ["slice", "pad"]
        en: "slice, pad",
            "A slice cuts a box out of rows, columns and channels; a pad lays one amid zeros.",
            "What was cut off moved nothing, so its gradient is 0: the slice's gradient is a pad. A zero that was added is \
             nobody's, so its dy is dropped: the pad's gradient is a slice. Each is the other's gradient.",
            "nothing";
        es: "slice, pad",
            "Slice recorta una caja de filas, columnas y canales; pad pone una entre ceros.",
            "Lo recortado no movió nada: su gradiente es 0, y el gradiente de slice es pad. Un cero añadido no es de nadie: su dy \
             se tira, y el gradiente de pad es slice. Cada uno es el gradiente del otro.",
            "no guarda nada";
    ["reshape", "permute"]
        en: "reshape, permute",
            "The same values in other places: other sides, or the axes in another order.",
            "Every value was carried to one place, one to one, so its gradient is carried back from there.",
            "nothing";
        es: "reshape, permute",
            "Los mismos valores en otros lugares: otros lados, o los ejes en otro orden.",
            "Cada valor se llevó a un solo lugar, uno a uno: su gradiente se trae de vuelta desde ahí.",
            "no guarda nada";
    ["mean"]
        en: "",
            "The mean of all values: the loss.",
            "Each value moves the mean by 1 / count, so each gets dy / count.",
            "nothing";
        es: "",
            "La media de todos los valores: la pérdida.",
            "Cada valor mueve la media 1 / cantidad: cada uno recibe dy / cantidad.",
            "no guarda nada";
    ["sum", "broadcast"]
        en: "sum, broadcast",
            "A sum adds up along some axes, here to one number per channel or per pixel; a broadcast repeats values along axes.",
            "Every value moves its sum one to one, so dy is repeated to all of them; and a value that was repeated moved all its \
             copies, so their dy add up. Each is the other's gradient.",
            "nothing";
        es: "sum, broadcast",
            "Sum suma a lo largo de algunos ejes, hasta un número por canal o por píxel; broadcast repite valores a lo largo de \
             ejes.",
            "Cada valor mueve su suma uno a uno: dy se repite para todos. Y un valor repetido movió todas sus copias: sus dy se \
             suman. Cada uno es el gradiente del otro.",
            "no guarda nada";
    ["add"]
        en: "",
            "Adds two values.",
            "Both moved the sum one to one, so both get dy as it is.",
            "nothing";
        es: "",
            "Suma dos valores.",
            "Los dos movieron la suma uno a uno: los dos reciben dy tal cual.",
            "no guarda nada";
    ["add-broadcast"]
        en: "add, broadcast",
            "Adds two values; the smaller one is repeated to the size of the other.",
            "Both moved the sum one to one. But a cell that was repeated moved every sum it stands in, so it gets all their dy, \
             added up.",
            "nothing";
        es: "add, con repetición",
            "Suma dos valores; el menor se repite hasta el tamaño del otro.",
            "Los dos movieron la suma uno a uno. Pero una celda repetida movió todas las sumas en las que está: recibe todos sus \
             dy, sumados.",
            "no guarda nada";
    ["used-twice"]
        en: "a value used twice",
            "A U-Net in small: x goes down through a pool and up again, and beside it straight across, as a skip. Both ways lead to y.",
            "x moves the loss by both ways at once, so the gradients that come back from both are added: dx = dx₁ + dx₂. Nothing else \
             happens at a skip.",
            "nothing: a sum asks for nothing";
        es: "un valor usado dos veces",
            "Una U-Net en pequeño: x baja por un pool y vuelve a subir, y a la vez cruza por una conexión de salto. Los dos caminos llevan \
             a y.",
            "x mueve la pérdida por los dos caminos a la vez: los gradientes que vuelven de los dos se suman, dx = dx₁ + dx₂. En una \
             conexión de salto no pasa nada más.",
            "no guarda nada: una suma no pide nada";
    ["mul"]
        en: "",
            "Multiplies two values, cell by cell.",
            "If a grows by 1, the product grows by b: each factor is the slope of the other.",
            "the other factor";
        es: "",
            "Multiplica dos valores, celda por celda.",
            "Si a crece 1, el producto crece b: cada factor es la pendiente del otro.",
            "guarda el otro factor";
    ["mul-broadcast"]
        en: "mul, broadcast",
            "Multiplies two values; the smaller one is repeated to the size of the other. So an attention weighs channels or \
             places.",
            "Each factor is the slope of the other. A cell that was repeated moved every product it stands in, so its terms add \
             up.",
            "the other factor";
        es: "mul, con repetición",
            "Multiplica dos valores; el menor se repite hasta el tamaño del otro. Así pondera la atención canales o lugares.",
            "Cada factor es la pendiente del otro. Una celda repetida movió todos los productos en los que está: sus términos se \
             suman.",
            "guarda el otro factor";
    ["transform"]
        en: "",
            "A matrix along the rows or the columns: each output is a weighted sum of the pixels of its row or column. Bilinear \
             upsampling is one such matrix down and one across; each row of it mixes two neighbours.",
            "An input reached every output through the matrix' entry for both, so dy is gathered through the same entries: the \
             matrix turned over.",
            "nothing: it is linear, so its slope is the matrix' entry, whatever the input was";
        es: "",
            "Una matriz a lo largo de las filas o las columnas: cada salida es una suma ponderada de los píxeles de su fila o \
             columna. El upsampling bilineal es una matriz así hacia abajo y otra a lo ancho; cada fila mezcla dos vecinos.",
            "Una entrada llegó a cada salida con el número de la matriz que las une: dy se recoge con los mismos números, con la \
             matriz transpuesta.",
            "no guarda nada: es lineal y su pendiente es el número de la matriz, fuera cual fuera la entrada";
};
