//! The page of findings in Spanish.

use super::{ClaimText, FindingsText};

pub(super) const ES: FindingsText = FindingsText {
    lang: "es",
    title: "Qué hace cada filtro, medido",
    lead: "Mirar no es medir. A {} filtros de la red «{}» se les mostraron {} y {} rejillas, barras, bordes, ruido y grises; cada uno tiene un \
           veredicto hecho de sus números, y cada afirmación sobre todos ellos un número con su intervalo y una respuesta.",
    data: [
        "{} fantomas con aliasing, como los del entrenamiento de la red incluida,",
        "{} imágenes propias ({})",
        "ninguna imagen, porque no se dio ninguna y la red no restaura imágenes grises: no puede decirse qué hacen los filtros con datos, qué \
         efecto tiene quitarlos ni nada sobre la calidad,",
    ],
    phantoms: "fantomas con aliasing",
    contents: "Contenido",

    claims_title: "Las afirmaciones, a prueba",
    claims_lead: "Cada fila es una frase que uno podría creer tras mirar las imágenes. El punto es lo medido, la línea que lo cruza el \
                  intervalo del 95 % (bootstrap) y la banda gris lo que daría el azar. La respuesta se sigue de estos números.",
    claims: [
        ClaimText {
            sentence: "La mayoría de los filtros selecciona líneas verticales y horizontales.",
            number: "de todos los filtros son líneas a menos de 15 grados de la horizontal o de la vertical",
            how: "Un filtro es de línea si prefiere una orientación de las rejillas más que 99 de cada 100 de los mismos núcleos con sus pesos \
                  barajados. El azar son orientaciones repartidas por igual. Bootstrap sobre los filtros.",
        },
        ClaimText {
            sentence: "Más arriba las líneas están más separadas.",
            number: "atravesada, que es lo que cambia la frecuencia preferida, en píxeles de la imagen",
            how: "La pendiente del logaritmo de la frecuencia preferida respecto al número de convoluciones atravesadas. El azar es ninguna \
                  pendiente. Bootstrap sobre los filtros.",
        },
        ClaimText {
            sentence: "En el decodificador la textura se vuelve casi constante.",
            number: "variación de la energía local de las imágenes en el decodificador, dividida por la del codificador",
            how: "Cada imagen ascendida se corta en bloques de 16×16 píxeles; la desviación de las energías de los bloques se divide por su \
                  media. El azar es un cociente de 1. Bootstrap sobre los filtros.",
        },
        ClaimText {
            sentence: "Varios filtros se ocupan de los bordes.",
            number: "de los filtros responde al borde, y deja de hacerlo cuando la imagen continúa detrás",
            how: "La respuesta distingue el anillo que toca el borde del interior, y desaparece cuando la misma imagen está en un lienzo mayor y \
                  reflejado. Bootstrap sobre los filtros.",
        },
        ClaimText {
            sentence: "Los filtros que parecen ruido pueden quitarse con la misma calidad.",
            number: "de PSNR perdida si todos los filtros cuya imagen parece ruido se sustituyen a la vez por su media",
            how: "En 64 fantomas nunca usados antes. El azar son conjuntos al azar del mismo tamaño en cada capa. Bootstrap sobre las imágenes.",
        },
        ClaimText {
            sentence: "Las conexiones de salto devuelven el detalle.",
            number: "de PSNR perdida si todas las conexiones de salto llevan solo su media",
            how: "Los canales que trae una conexión de salto se sustituyen por su media y se restauran los mismos fantomas. Bootstrap sobre las \
                  imágenes.",
        },
    ],
    answers: ["se cumple", "no se cumple", "no puede decirse"],
    no_number: "Hay demasiado poco con que medirlo, o nada.",
    interval: "intervalo del 95 % de {} a {}",
    chance: "azar {}, de {} a {}",
    no_chance: "no hay azar con que comparar",
    above: "Está por encima del azar.",
    below: "Está por debajo del azar.",
    around: "El azar está dentro del intervalo.",
    units: ["%", "octavas por convolución", "", "dB"],
    rows_behind: "Los números que hay detrás, como los llama claims.json",
    claims_none: "No se midió ninguna afirmación.",

    layers_title: "Las capas",
    layers_lead: "Una barra es una capa y sus colores son los tipos de sus filtros. A la izquierda la bajada de la U, a la derecha la subida; \
                  las filas son tamaños de los mapas.",
    kinds_caption: "Tipos de filtros de cada capa. Los números son los filtros de la capa.",
    orientations_caption: "Orientaciones de las franjas que prefieren los filtros de línea: el área de un sector es la parte de los filtros. El \
                           círculo de trazos es lo que darían orientaciones repartidas por igual.",
    orientations_none: "No hay ningún filtro de línea, así que no hay orientaciones que mostrar.",
    frequency_caption: "Frecuencia preferida de líneas y manchas, en ciclos por píxel de la imagen, según el número de convoluciones atravesadas. \
                        Las barras son las medianas de las capas.",
    down: "bajada",
    up: "subida",
    horizontal: "horizontal",
    vertical: "vertical",
    depth: "convoluciones atravesadas",
    frequency_axis: "ciclos por píxel",
    median: "mediana",
    lines: "{} líneas",
    table_summary: "Lo mismo como tabla",
    layer: "Capa",
    filters: "Filtros",
    threshold: "Umbral de línea",
    middle: "Todos los lugares de estas capas ven el borde, por eso se midieron en el centro del mapa: {}.",
    kappa: "Dos mitades disjuntas de los estímulos dan los mismos veredictos con una kappa de Cohen de {} (1: todos iguales; 0: como el azar).",
    routes_title: "Por qué camino llega el gradiente",
    routes_lead: "El gradiente de cada filtro dibujado, dividido donde encuentra por primera vez la vuelta por una conexión de salto o el camino \
                  más abajo; medias de la capa.",
    route_down: "bajo todos los saltos",
    route_skip: "salto {}",

    filters_title: "Los filtros",
    filters_lead: "Elige un filtro para ver su imagen, su sintonía y los números que decidieron su veredicto. Una miniatura es la imagen \
                   ascendida o, donde no la hay o sigue siendo su semilla, la sintonía.",
    verdicts: ["muerto", "siempre activo", "borde", "línea", "mancha", "nivel", "ruido", "sin aclarar"],
    meanings: [
        "apagado en todas partes con los datos, o siempre igual",
        "activo en todas partes con los datos y con todos los grises, el negro incluido",
        "responde al borde de la imagen",
        "responde a franjas de una orientación",
        "responde a un tamaño de patrón, sea cual sea su orientación",
        "responde a la luminosidad",
        "responde al ruido más que a todo lo demás",
        "nada de esto, o no con claridad",
    ],
    all: "todos",
    all_layers: "todas",
    show: "Mostrar",
    sort_by: "Ordenar por",
    in_layer: "Capa",
    keys: "Las flechas van de filtro en filtro, Intro abre uno.",
    shown: "{} de {} filtros",
    filter_of: "Filtro {} de {}",
    also: ", también {}",
    picture: "Con lo que acabó el ascenso",
    second: "Desde otra semilla",
    patch: "Mejor trozo de los datos: imagen {}, activación {}",
    no_patches: "Sin datos no hay trozos con que comparar.",
    spectrum: "El espectro de la imagen; el centro es la frecuencia más baja",
    heat: "Sintonía: el ángulo es la orientación de las franjas, hacia fuera es más fino",
    no_tuning: "No responde a ninguna rejilla.",
    is_seed: "La imagen sigue siendo el ruido del que partió (correlación {}): no muestra ningún patrón del filtro.",
    seed: "aún la semilla",
    not_drawn: "De este filtro no se ascendió ninguna imagen.",
    yes: "sí",
    no: "no",
    proven: ["muerto para toda imagen en el rango de los datos", "activo para toda imagen en el rango de los datos"],
    measures: &[
        ("layer", "capa"),
        ("filter", "número"),
        ("verdict", "veredicto"),
        ("on", "activo, parte de los lugares"),
        ("dead_at_seed", "muerto en la semilla"),
        ("dormant", "activación / media de la capa"),
        ("proven", "demostrado"),
        ("orientation", "orientación, grados"),
        ("frequency", "frecuencia, ciclos por píxel"),
        ("selectivity", "selectividad"),
        ("bandwidth", "anchura de banda, octavas"),
        ("border", "borde (AUC)"),
        ("vanishes", "parte de la respuesta del anillo que desaparece"),
        ("noise", "ruido (AUC)"),
        ("same_spectrum", "mismo espectro desde 4 semillas"),
        ("gain_over_data", "imagen / mejor trozo"),
        ("way", "canales del camino (Spearman)"),
        ("flat", "planitud del espectro"),
        ("still_seed", "correlación con la semilla, en el centro"),
        ("taylor", "taylor"),
        ("effect_db", "se pierde sin él"),
    ],

    made_title: "Cómo se hizo",
    made_lead: "Todos los números de esta página los midió la orden de abajo, y están con todas sus cifras en filters.csv y claims.json. La misma \
                orden mide lo mismo, salvo los tiempos.",
    made: ["Orden", "Red", "Calculado por", "Datos", "Versión"],
};
