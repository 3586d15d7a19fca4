//! The questions of the lesson, in both languages beside each other.

use super::Lang;

/// What is said about an exercise.
pub struct ExerciseText {
    pub title: &'static str,
    pub question: &'static str,
    /// What the reader predicts.
    pub predict: &'static str,
    /// What the one line gives, and by which names it may.
    pub rule: &'static str,
    /// What is said to a mistake, by its name.
    pub mistakes: &'static [(&'static str, &'static str)],
}

struct Asked {
    id: &'static str,
    en: ExerciseText,
    es: ExerciseText,
}

/// What is said about the exercise of this name.
///
/// # Panics
/// If there is none.
pub(super) fn text(id: &str, lang: Lang) -> &'static ExerciseText {
    let asked = ASKED.iter().find(|asked| asked.id == id).expect("every exercise is told");
    match lang {
        Lang::En => &asked.en,
        Lang::Es => &asked.es,
    }
}

macro_rules! asked {
    ($($id:literal en: $et:literal, $eq:literal, $ep:literal, $er:literal, [$($em:literal: $ew:literal),*];
       es: $st:literal, $sq:literal, $sp:literal, $sr:literal, [$($sm:literal: $sw:literal),*];)*) => {
        &[$(Asked {
            id: $id,
            en: ExerciseText { title: $et, question: $eq, predict: $ep, rule: $er, mistakes: &[$(($em, $ew)),*] },
            es: ExerciseText { title: $st, question: $sq, predict: $sp, rule: $sr, mistakes: &[$(($sm, $sw)),*] },
        }),*]
    };
}

const ASKED: &[Asked] = asked! {
    "sum"
        en: "A sum",
            "y is the sum of the six cells of x, and dy arrives. How much of it does each cell get?",
            "dx of the marked cell",
            "dx of a cell. You may use x (this cell's number), dy, and count (how many cells there are).",
            ["mean": "That is the rule of a mean. In a sum every cell moves y one to one, whatever their number.",
             "product": "That is the rule of a product. What a cell holds does not matter to a sum: it moves y one to one.",
             "slope": "That is the slope alone. By the chain rule it is multiplied by what arrives, dy."];
        es: "Una suma",
            "y es la suma de las seis celdas de x, y llega dy. ¿Cuánto recibe cada celda?",
            "dx de la celda marcada",
            "dx de una celda. Puedes usar x (el número de esa celda), dy y count (cuántas celdas hay).",
            ["mean": "Esa es la regla de una media. En una suma cada celda mueve y uno a uno, sean cuantas sean.",
             "product": "Esa es la regla de un producto. A una suma no le importa qué hay en la celda: la mueve uno a uno.",
             "slope": "Eso es solo la pendiente. Según la regla de la cadena se multiplica por lo que llega, dy."];
    "relu"
        en: "ReLU's mask",
            "y = max(x, 0), cell by cell, and dy arrives. One of the cells is exactly 0.",
            "dx of the marked cell",
            "dx of a cell. You may use this cell's x, y and dy.",
            ["all": "You let everything through. Where x is negative, y stays 0 however x moves: nothing comes back.",
             "sign": "You look at the sign of dy. ReLU's mask is made of x: a negative gradient goes through where x is positive. \
                      (Yours is the rule of “deconvnets”, which is no gradient.)",
             "slope": "That is the slope alone. It is multiplied by what arrives, dy.",
             "forward": "That is the way forward. What comes back is dy, where x let it through.",
             "kink": "At exactly 0 there is no one slope, and backprop takes 0 there: only what is greater than 0 lets dy through."];
        es: "La máscara de la ReLU",
            "y = max(x, 0), celda por celda, y llega dy. Una de las celdas es exactamente 0.",
            "dx de la celda marcada",
            "dx de una celda. Puedes usar los números de esa celda: x, «y», dy.",
            ["all": "Dejas pasar todo. Donde x es negativa, y sigue en 0 por mucho que x se mueva: no vuelve nada.",
             "sign": "Miras el signo de dy. La máscara de la ReLU se hace con x: un gradiente negativo pasa donde x es positiva. \
                      (La tuya es la regla de las «deconvnets», que no es un gradiente.)",
             "slope": "Eso es solo la pendiente. Se multiplica por lo que llega, dy.",
             "forward": "Ese es el camino de ida. Lo que vuelve es dy, donde x lo dejó pasar.",
             "kink": "Justo en 0 no hay una única pendiente, y la retropropagación toma 0: solo lo mayor que 0 deja pasar dy."];
    "max_pool"
        en: "Where max pool sends it",
            "Each window of 2×2 pixels goes on with its largest value, and dy arrives, one number for each window. Which pixel of \
             the window gets it? Count them 0 (upper left), 1 (upper right), 2 (lower left), 3 (lower right).",
            "the pixel, 0 to 3, of the marked window: mind the tie",
            "the number of the pixel that gets dy, 0 to 3. You may use w, the list of the window's four values in that order.",
            ["last": "In a window with equal values you take the last. It is a convention, but one has to be kept: the first wins, as \
                      in Keras.",
             "smallest": "That is where the smallest value stands. The largest one went on.",
             "magnitude": "You compare magnitudes. Max pool compares the values: of negative ones the one nearest to 0 wins.",
             "value": "That is the value that wins. The question is where it stands."];
        es: "Adónde lo manda el max pool",
            "De cada ventana de 2×2 píxeles sigue el valor más grande, y llega dy, un número por ventana. ¿Qué píxel de la ventana lo \
             recibe? Cuéntalos así: 0 (arriba a la izquierda), 1 (arriba a la derecha), 2 (abajo a la izquierda), 3 (abajo a la \
             derecha).",
            "el píxel, de 0 a 3, de la ventana marcada: ojo con el empate",
            "el número del píxel que recibe dy, de 0 a 3. Puedes usar w, la lista de los cuatro valores de la ventana en ese orden.",
            ["last": "En una ventana con valores iguales tomas el último. Es una convención, pero hay que respetarla: gana el primero, \
                      como en Keras.",
             "smallest": "Ahí está el valor más pequeño. El que siguió es el más grande.",
             "magnitude": "Comparas magnitudes. El max pool compara valores: entre negativos gana el más cercano a 0.",
             "value": "Ese es el valor que gana. Se pregunta dónde está."];
    "upsample"
        en: "An upsampling's sum",
            "Each pixel of x (2×2) became a block of 2×2 equal pixels of y (4×4), and dy arrives.",
            "dx of the marked pixel of x",
            "dx of a pixel. You may use dy, the list of the four numbers of its block.",
            ["mean": "That is the mean. Four copies were made, each moves the loss by its own dy, and the effects add up.",
             "first": "That is one copy's gradient. All four moved with x, so all four count.",
             "largest": "That is a max pool's thought. Here nothing was chosen: all four copies count."];
        es: "La suma de un upsampling",
            "Cada píxel de x (2×2) se volvió un bloque de 2×2 píxeles iguales de y (4×4), y llega dy.",
            "dx del píxel marcado de x",
            "dx de un píxel. Puedes usar dy, la lista de los cuatro números de su bloque.",
            ["mean": "Esa es la media. Se hicieron cuatro copias, cada una mueve la pérdida con su propio dy, y los efectos se suman.",
             "first": "Ese es el gradiente de una sola copia. Las cuatro se movieron con x: cuentan las cuatro.",
             "largest": "Eso lo pensaría un max pool. Aquí no se eligió nada: cuentan las cuatro copias."];
    "concat"
        en: "A concat's slice",
            "y = [a, b]: a has one channel, b has two, laid side by side in this order. dy has three channels. Which of them go back \
             to b?",
            "db of the marked cell",
            "db of a cell. You may use dy, the list of the three channels of its pixel, and c, which channel of b it is: 0 or 1.",
            ["shifted": "You begin at channel 0, which is a's. b's channels stand behind it.",
             "sum": "You add the channels up. Nothing was mixed on the way forward, so nothing is on the way back."];
        es: "El corte de un concat",
            "y = [a, b]: a tiene un canal y b dos, uno al lado de otro en este orden. dy tiene tres canales. ¿Cuáles vuelven a b?",
            "db de la celda marcada",
            "db de una celda. Puedes usar dy, la lista de los tres canales de su píxel, y c, qué canal de b es: 0 o 1.",
            ["shifted": "Empiezas en el canal 0, que es de a. Los canales de b van detrás.",
             "sum": "Sumas los canales. A la ida no se mezcló nada; a la vuelta tampoco."];
    "conv2d"
        en: "A convolution's gradient is a convolution",
            "y[r, s] = Σ x[r + i, s + j] W[i, j], with i and j from −1 to 1 and zeros around the image; dy arrives. Ask which outputs \
             read x[r, s], and through which weight.",
            "dx of the marked cell",
            "dx[r, s]. You may use r and s, dy(row, column), which is 0 outside, W(i, j) with i and j from −1 to 1, and sum((i, j) \
             => ...), which adds up over all nine.",
            ["unturned": "You lay the kernel as it is. The output below x[r, s] read it through the weight above the kernel's middle: on \
                          the way back the kernel is turned by half a turn.",
             "transposed": "You mirror the kernel at its diagonal. The gradient turns it by half a turn: both i and j change their sign.",
             "rows": "You turn the rows, but not the columns. Both i and j change their sign."];
        es: "El gradiente de una convolución es una convolución",
            "y[r, s] = Σ x[r + i, s + j] W[i, j], con i y j de −1 a 1 y ceros alrededor de la imagen; llega dy. Pregunta qué salidas \
             leen x[r, s], y con qué peso.",
            "dx de la celda marcada",
            "dx[r, s]. Puedes usar r y s, dy(fila, columna), que fuera vale 0, W(i, j) con i y j de −1 a 1, y sum((i, j) => ...), que \
             suma sobre los nueve.",
            ["unturned": "Pones el núcleo tal cual. La salida que está debajo de x[r, s] la leyó con el peso que está encima del centro: \
                          a la vuelta el núcleo gira media vuelta.",
             "transposed": "Reflejas el núcleo en su diagonal. El gradiente lo gira media vuelta: i y j cambian las dos de signo.",
             "rows": "Giras las filas, pero no las columnas. i y j cambian las dos de signo."];
    "used-twice"
        en: "A value used twice",
            "x is used twice: y₁ = 3x, and y₂ = max(x, 0). Both lead to the loss. dy has two channels: the gradients that arrive at y₁ \
             and at y₂.",
            "dx of the marked cell",
            "dx of a cell. You may use x, dy1 and dy2.",
            ["first": "That is what comes back by y₁ alone. The other way counts as well.",
             "second": "That is what comes back by y₂ alone. The other way counts as well.",
             "mean": "That is the mean of both. x moves the loss by both ways at once: they add up.",
             "mask": "You forgot ReLU's mask: where x is not positive, nothing comes back by y₂.",
             "factor": "You forgot the factor: y₁ moves by 3 for 1 of x."];
        es: "Un valor usado dos veces",
            "x se usa dos veces: y₁ = 3x, e y₂ = max(x, 0). Las dos llevan a la pérdida. dy tiene dos canales: los gradientes que \
             llegan a y₁ y a y₂.",
            "dx de la celda marcada",
            "dx de una celda. Puedes usar x, dy1 y dy2.",
            ["first": "Eso es lo que vuelve solo por y₁. El otro camino también cuenta.",
             "second": "Eso es lo que vuelve solo por y₂. El otro camino también cuenta.",
             "mean": "Esa es la media de los dos. x mueve la pérdida por los dos caminos a la vez: se suman.",
             "mask": "Olvidas la máscara de la ReLU: donde x no es positiva no vuelve nada por y₂.",
             "factor": "Olvidas el factor: y₁ se mueve 3 por cada 1 de x."];
    "normalise"
        en: "From the gradient to a step",
            "The gradient g is divided by its RMS, the root of the mean of its squares, plus epsilon = 0.00001. What is added to the \
             image then?",
            "the marked cell, divided",
            "g of a cell, divided. You may use g (the list of all six), i (which of them it is), mean(list) and epsilon.",
            ["epsilon": "Nearly: epsilon is missing, which keeps a gradient of zero from being divided by zero.",
             "norm": "You divide by the root of the sum. By the mean it is independent of how many pixels there are.",
             "largest": "You divide by the largest value. One bright pixel would then make the step of all others small.",
             "deviation": "You take the mean off first. The RMS does not: a gradient of one sign everywhere is a gradient, too."];
        es: "Del gradiente a un paso",
            "El gradiente g se divide por su RMS, la raíz de la media de sus cuadrados, más epsilon = 0.00001. ¿Qué se suma entonces a \
             la imagen?",
            "la celda marcada, dividida",
            "g de una celda, dividida. Puedes usar g (la lista de las seis), i (cuál de ellas es), mean(lista) y epsilon.",
            ["epsilon": "Casi: falta epsilon, que evita que un gradiente de cero se divida por cero.",
             "norm": "Divides por la raíz de la suma. Con la media no depende de cuántos píxeles haya.",
             "largest": "Divides por el valor más grande. Un solo píxel brillante haría pequeño el paso de todos los demás.",
             "deviation": "Restas antes la media. La RMS no lo hace: un gradiente del mismo signo en todas partes también es un gradiente."];
};
