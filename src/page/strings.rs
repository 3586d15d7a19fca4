//! Every sentence of the lesson, in English and Spanish. The compiler sees to it that neither lacks one.

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    Es,
}

impl Lang {
    pub fn strings(self) -> &'static Strings {
        match self {
            Lang::En => &EN,
            Lang::Es => &ES,
        }
    }
}

/// What is said about an op.
pub struct OpText {
    /// What it does.
    pub forward: &'static str,
    /// Why its gradient is what it is.
    pub backward: &'static str,
    /// What it must remember, and why.
    pub remembers: &'static str,
}

/// In sentences, `{}` is where a number or a name goes, in the order of their mention.
pub struct Strings {
    pub lang: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub intro: [&'static str; 3],
    pub dead: &'static str,
    pub contents: &'static str,

    pub u_title: &'static str,
    pub u_text: [&'static str; 2],
    pub u_forward: &'static str,
    pub u_backward: &'static str,
    pub previous: &'static str,
    pub next: &'static str,
    pub place: &'static str,
    pub keys: &'static str,
    pub status: &'static str,
    pub forward: &'static str,
    pub backward: &'static str,
    pub value_of: &'static str,
    pub gradient_of: &'static str,
    pub strongest: &'static str,
    pub channel: &'static str,
    pub shape: &'static str,
    pub work: &'static str,
    pub time: &'static str,
    pub step: &'static str,
    pub in_step: &'static str,
    pub in_steps: &'static str,
    pub never_written: &'static str,
    pub rms: &'static str,
    pub zeros: &'static str,
    pub arrives: &'static str,
    pub remembers: &'static str,
    pub close_up: &'static str,
    pub seed_of_gradient: &'static str,

    pub skip_title: &'static str,
    pub skip_text: [&'static str; 2],
    pub skip_none: &'static str,
    pub skip_by: &'static str,
    pub skip_share: &'static str,
    pub skip_sum: &'static str,
    pub zero: &'static str,

    pub ops_title: &'static str,
    pub ops_text: [&'static str; 2],
    pub example: &'static str,
    pub change: &'static str,
    pub input: &'static str,
    pub kernel: &'static str,
    pub scale_shift: &'static str,
    pub output: &'static str,
    pub arriving: &'static str,
    pub leaving: &'static str,
    pub difference: &'static str,
    pub chain: &'static str,
    pub chain_none: &'static str,
    pub kink: &'static str,
    pub row: &'static str,
    pub column: &'static str,

    pub memory_title: &'static str,
    pub memory_text: [&'static str; 2],
    pub memory_numbers: &'static str,
    pub memory_axis: &'static str,
    pub memory_step: &'static str,
    pub memory_working: &'static str,
    pub memory_kept: &'static str,
    pub kept_title: &'static str,
    pub kept_none: &'static str,
    pub kept_columns: [&'static str; 5],
    pub kinds: [(&'static str, &'static str); 3],

    pub frames_title: &'static str,
    pub frames_text: [&'static str; 2],
    pub frame: &'static str,
    pub frame_gradient: &'static str,

    pub code_title: &'static str,
    pub code_text: &'static str,
    pub code_columns: [&'static str; 5],
    pub made: &'static str,

    pub ops: [(&'static str, OpText); 10],
}

impl Strings {
    /// What is said about the op of this name; `None` if it is no forward op.
    pub fn op(&self, name: &str) -> Option<&OpText> {
        self.ops.iter().find(|(op, _)| *op == name).map(|(_, text)| text)
    }

    /// "signs", "winners" or "values", in this language.
    pub fn kind(&self, kind: &str) -> &'static str {
        self.kinds.iter().find(|(name, _)| *name == kind).map_or("", |(_, text)| text)
    }
}

/// Puts each of `values` where the next `{}` is.
pub fn fill(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut out = parts.next().unwrap_or("").to_string();
    for (i, part) in parts.enumerate() {
        out += values.get(i).unwrap_or(&"");
        out += part;
    }
    out
}

const EN: Strings = Strings {
    lang: "en",
    title: "How backprop through a U-Net works",
    lead: "Shown on the network “{}”: filter {} of the layer {}, for one image of {} pixels. Every number and picture below \
           was computed by unet-lens from the network's own weights ({}).",
    intro: [
        "Give the network an image, and filter {} answers with a map. The mean of that map is one number, the loss: here {}. \
         The layer's other filters are not computed, so the layer has one channel here.",
        "Which image would make it answer more? Ask every pixel: if you grew a little, by how much would the loss grow? \
         All these answers together are the gradient, an image of its own. To find it by trying would take one run of the \
         network for each pixel. Backprop finds all of them in one walk backwards through the same network.",
        "Nothing but the chain rule is needed for it: what a value does to the loss is what it does to the values computed \
         from it, times what those do to the loss. Each node needs to know only its own small part.",
    ],
    dead: "This filter is dead for this image: a ReLU lets nothing through, so the gradient is zero everywhere below it.",
    contents: "Contents",
    u_title: "The network as a U",
    u_text: [
        "Each square is a node and shows what it holds for this image: its strongest channel. Rows are image sizes: every \
         max pool leads a row down, every upsampling a row up. Arcs are skips: a value used once on the way down, and \
         again on the way up.",
        "Step forward to the loss, and on: then the same nodes show their gradients, and the arrows turn round. Blue is \
         negative, red is positive, light grey is zero.",
    ],
    u_forward: "Forward: what each node holds",
    u_backward: "Backward: the gradient of each node",
    previous: "Back",
    next: "Step",
    place: "Place on the way forward and back",
    keys: "The arrow keys step, too. Click a node to go to it.",
    status: "{} of {}: {}, {}",
    forward: "forward",
    backward: "backward",
    value_of: "{}, computed by {}",
    gradient_of: "The gradient of {}",
    strongest: "Its strongest channels, each with a colour range of its own:",
    channel: "channel {}",
    shape: "shape",
    work: "work",
    time: "time",
    step: "step {} of the plan",
    in_step: "part of step {}, which computes {}",
    in_steps: "in parts, in steps {}, each of which computes what it needs",
    never_written: "never written to memory: its readers read the parts",
    rms: "RMS",
    zeros: "zeros",
    arrives: "Comes from",
    remembers: "remembers",
    close_up: "See {} up close",
    seed_of_gradient: "Here the way back begins: the loss moves with itself, one to one.",
    skip_title: "Where two streams join",
    skip_text: [
        "A skip uses a value twice. So it moves the loss in two ways, and by the chain rule both count: the gradients \
         that come back from the two uses are added. Backprop adds wherever a value is used more than once.",
        "A share tells how much of the sum a stream makes; all shares of a sum add up to 100%. A negative one works \
         against the other. The pictures show one channel, the strongest of the sum, in one colour range.",
    ],
    skip_none: "No value is used twice on the way from the image to this layer.",
    skip_by: "by way of {}",
    skip_share: "{} of the sum",
    skip_sum: "the sum",
    zero: "the sum is zero",
    ops_title: "Each op, up close",
    ops_text: [
        "Every op of this network on a few cells. The numbers are the engine's own: its reference loops forward, its \
         gradient rule backward.",
        "The last grid is the check: each input moved a little up and a little down, the change of the result measured. \
         It must be the gradient.",
    ],
    example: "A worked example",
    change: "Change a number in a framed cell: everything is computed anew. Pick an input cell to see what it moves.",
    input: "input x",
    kernel: "kernel W",
    scale_shift: "scale, shift",
    output: "output y",
    arriving: "dy, arriving",
    leaving: "dx, leaving",
    difference: "finite difference",
    chain: "Outputs that the marked input moves: {}. dx = sum of dy times slope = {} = {}",
    chain_none: "The marked input moves no output, so its gradient is 0.",
    kink: "Here the two differ: this input stands at a kink, where a small move up and a small move down do different \
           things. There is no one slope; backprop takes one side, the finite difference the middle.",
    row: "row",
    column: "column",
    memory_title: "What must be remembered",
    memory_text: [
        "On the way back some nodes ask for something from the way forward: ReLU for the signs, max pool for the winners. \
         That has to be kept in memory until it is used. A convolution asks for nothing, since its weights are frozen and \
         only the image is learned.",
        "Most kept things are tiny: a bit for each value. What is not needed any more makes room for what comes.",
    ],
    memory_numbers: "At its worst step the climb needs {}. Keeping the result of every node would take {}.",
    memory_axis: "memory",
    memory_step: "step of the plan",
    memory_working: "values being worked on",
    memory_kept: "kept for the way back",
    kept_title: "What is kept, and for which gradient",
    kept_none: "Nothing is kept: no op on the way asks for it.",
    kept_columns: ["of", "what", "size", "for", "steps"],
    kinds: [("signs", "signs, a bit each"), ("winners", "winners"), ("values", "the values")],
    frames_title: "Why the picture emerges",
    frames_text: [
        "The climb: add the gradient, divided by its RMS, to the image, and begin again. Whatever makes the filter answer \
         more grows with every step; the rest stays as the noise left it.",
        "Above the image, below its gradient at that step.",
    ],
    frame: "step {}: loss {}",
    frame_gradient: "gradient, RMS {}",
    code_title: "Where this is in the code",
    code_text: "Each op is one file, which opens with its maths. The gradient itself is put together in src/engine/autodiff.rs, in \
                one walk backwards. Search for these lines:",
    code_columns: ["op", "forward", "gradient rule", "gradient's own loops", "shader"],
    made: "Made by unet-lens {} with: {}",
    ops: [
        (
            "input",
            OpText {
                forward: "The image itself: what the climb changes.",
                backward: "Its gradient is what was asked for: for each pixel, how the loss changes when the pixel does.",
                remembers: "nothing",
            },
        ),
        (
            "conv2d",
            OpText {
                forward: "A kernel slides over the image; each output is a weighted sum of the inputs under it.",
                backward: "An input touched every output whose kernel lay over it, each through another weight. Gather dy from \
                       those outputs with the same weights: that is a convolution again, with the kernel turned by half a turn.",
                remembers: "nothing: the weights are frozen, so the slope of an output does not depend on the input",
            },
        ),
        (
            "batch_norm",
            OpText {
                forward: "With mean and variance frozen, it multiplies each channel by a scale and adds a shift.",
                backward: "The shift moves nothing. Each channel of dy is multiplied by the same scale.",
                remembers: "nothing: the scale is frozen",
            },
        ),
        (
            "relu",
            OpText {
                forward: "What is negative becomes zero.",
                backward: "Where it let the value through, it lets the gradient through. Where it was off, a small move of the \
                       input changes nothing, so the gradient is zero.",
                remembers: "a bit per value: was it positive?",
            },
        ),
        (
            "sigmoid",
            OpText {
                forward: "Squashes every number into the range from 0 to 1.",
                backward: "Its slope is y (1 - y): steep in the middle, flat at both ends.",
                remembers: "its result y, of which the slope is made",
            },
        ),
        (
            "max_pool",
            OpText {
                forward: "Of each window only the largest value goes on.",
                backward: "Only the winner moved the output, so only the winner gets the gradient; all others get zero.",
                remembers: "which value of each window won",
            },
        ),
        (
            "upsample",
            OpText {
                forward: "Each pixel becomes a block of equal pixels.",
                backward: "One input moved a whole block of outputs, so the gradients of the block add up.",
                remembers: "nothing",
            },
        ),
        (
            "concat",
            OpText {
                forward: "Lays the channels of its inputs side by side: the bridge of the U-Net.",
                backward: "Nothing was mixed, so each input takes back its own channels of dy.",
                remembers: "nothing",
            },
        ),
        (
            "mean",
            OpText {
                forward: "The mean of all values: the loss.",
                backward: "Each value has the same small say in the mean, so each gets the same share.",
                remembers: "nothing",
            },
        ),
        (
            "add",
            OpText {
                forward: "Adds two values.",
                backward: "Both moved the sum one to one, so both get dy as it is.",
                remembers: "nothing",
            },
        ),
    ],
};

const ES: Strings = Strings {
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
         calculan a partir de él, por lo que estos le hacen a la pérdida. Cada nodo solo necesita saber su pequeña parte.",
    ],
    dead: "Este filtro está muerto para esta imagen: una ReLU no deja pasar nada y el gradiente es cero en todo lo anterior.",
    contents: "Contenido",
    u_title: "La red como una U",
    u_text: [
        "Cada cuadrado es un nodo y muestra lo que contiene para esta imagen: su canal más fuerte. Las filas son tamaños de \
         imagen: cada max pool baja una fila, cada upsampling sube una. Los arcos son los saltos: un valor que se usa una \
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
    remembers: "recuerda",
    close_up: "Ver {} de cerca",
    seed_of_gradient: "Aquí empieza el camino de vuelta: la pérdida cambia consigo misma, uno a uno.",
    skip_title: "Donde se unen dos corrientes",
    skip_text: [
        "Un salto usa un valor dos veces. Así el valor mueve la pérdida por dos caminos, y según la regla de la cadena \
         cuentan los dos: los gradientes que vuelven de los dos usos se suman. La retropropagación suma siempre que un valor \
         se usa más de una vez.",
        "La parte dice cuánto de la suma aporta una corriente; las partes de una suma suman 100%. Una parte negativa va en \
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
    output: "salida y",
    arriving: "dy, el que llega",
    leaving: "dx, el que sale",
    difference: "diferencia finita",
    chain: "Salidas que mueve la entrada marcada: {}. dx = suma de dy por pendiente = {} = {}",
    chain_none: "La entrada marcada no mueve ninguna salida: su gradiente es 0.",
    kink: "Aquí los dos difieren: esta entrada está justo en un quiebre, donde un paso pequeño hacia arriba y otro hacia abajo hacen \
           cosas distintas. No hay una única pendiente; la retropropagación toma un lado, la diferencia finita el medio.",
    row: "fila",
    column: "columna",
    memory_title: "Qué hay que recordar",
    memory_text: [
        "En el camino de vuelta algunos nodos piden algo del camino de ida: la ReLU los signos, el max pool los ganadores. Eso \
         debe quedarse en memoria hasta que se use. Una convolución no pide nada: sus pesos están congelados y solo se \
         aprende la imagen.",
        "Casi todo lo que se guarda es diminuto: un bit por valor. Lo que ya no hace falta deja sitio a lo que viene.",
    ],
    memory_numbers: "En su peor paso la subida necesita {}. Guardar el resultado de cada nodo ocuparía {}.",
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
        "La subida: suma a la imagen el gradiente dividido por su RMS, y vuelve a empezar. Lo que hace que el filtro responda \
         más crece con cada paso; lo demás se queda como lo dejó el ruido.",
        "Arriba la imagen, abajo su gradiente en ese paso.",
    ],
    frame: "paso {}: pérdida {}",
    frame_gradient: "gradiente, RMS {}",
    code_title: "Dónde está esto en el código",
    code_text: "Cada operación es un archivo, que empieza con sus matemáticas. El gradiente se compone en src/engine/autodiff.rs, en un \
                solo recorrido hacia atrás. Busca estas líneas:",
    code_columns: ["operación", "hacia delante", "regla del gradiente", "bucles del gradiente", "shader"],
    made: "Hecho por unet-lens {} con: {}",
    ops: [
        (
            "input",
            OpText {
                forward: "La propia imagen: lo que cambia al subir.",
                backward: "Su gradiente es lo que se pedía: para cada píxel, cómo cambia la pérdida cuando cambia el píxel.",
                remembers: "nada",
            },
        ),
        (
            "conv2d",
            OpText {
                forward: "Un núcleo se desliza por la imagen; cada salida es una suma ponderada de las entradas que cubre.",
                backward: "Una entrada tocó todas las salidas cuyo núcleo la cubría, cada una con otro peso. Se recoge dy de esas \
                       salidas con los mismos pesos: es otra vez una convolución, con el núcleo girado media vuelta.",
                remembers: "nada: los pesos están congelados y la pendiente de una salida no depende de la entrada",
            },
        ),
        (
            "batch_norm",
            OpText {
                forward: "Con media y varianza congeladas, multiplica cada canal por una escala y suma un desplazamiento.",
                backward: "El desplazamiento no mueve nada. Cada canal de dy se multiplica por la misma escala.",
                remembers: "nada: la escala está congelada",
            },
        ),
        (
            "relu",
            OpText {
                forward: "Lo negativo se vuelve cero.",
                backward: "Donde dejó pasar el valor deja pasar el gradiente. Donde estaba apagada, mover un poco la entrada no \
                       cambia nada: el gradiente es cero.",
                remembers: "un bit por valor: ¿era positivo?",
            },
        ),
        (
            "sigmoid",
            OpText {
                forward: "Comprime cualquier número al intervalo entre 0 y 1.",
                backward: "Su pendiente es y (1 - y): empinada en el centro, plana en los extremos.",
                remembers: "su resultado y, del que se hace la pendiente",
            },
        ),
        (
            "max_pool",
            OpText {
                forward: "De cada ventana solo sigue el valor más grande.",
                backward: "Solo el ganador movió la salida, así que solo el ganador recibe el gradiente; los demás reciben cero.",
                remembers: "qué valor de cada ventana ganó",
            },
        ),
        (
            "upsample",
            OpText {
                forward: "Cada píxel se vuelve un bloque de píxeles iguales.",
                backward: "Una entrada movió un bloque entero de salidas: los gradientes del bloque se suman.",
                remembers: "nada",
            },
        ),
        (
            "concat",
            OpText {
                forward: "Pone los canales de sus entradas uno al lado de otro: el puente de la U-Net.",
                backward: "Nada se mezcló: cada entrada recupera sus propios canales de dy.",
                remembers: "nada",
            },
        ),
        (
            "mean",
            OpText {
                forward: "La media de todos los valores: la pérdida.",
                backward: "Cada valor pesa igual de poco en la media: todos reciben la misma parte.",
                remembers: "nada",
            },
        ),
        (
            "add",
            OpText {
                forward: "Suma dos valores.",
                backward: "Los dos movieron la suma uno a uno: los dos reciben dy tal cual.",
                remembers: "nada",
            },
        ),
    ],
};
