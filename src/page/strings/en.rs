//! The lesson in English; what is said of each op is in `ops`.

use super::{Lang, Strings};

pub(super) const EN: Strings = Strings {
    language: Lang::En,
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
    dead: "This filter is dead for this image: somewhere on the way, most often at a ReLU, nothing gets through, so the gradient is \
           zero everywhere below it.",
    contents: "Contents",
    u_title: "The network as a U",
    u_text: [
        "Each square is a node and shows what it holds for this image: its strongest channel. Rows are image sizes: a pool or a \
         stride leads a row down, an upsampling or a transposed convolution a row up. Arcs are skips: a value used once on the way down, and \
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
    by_its_rule: "by its rule",
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
    factor: "factor",
    matrix: "matrix M",
    output: "output y",
    arriving: "dy, arriving",
    leaving: "dx, leaving",
    difference: "finite difference",
    chain: "Outputs that read the marked input: {}. dx = sum of dy times slope = {} = {}",
    chain_none: "No output reads the marked input, so its gradient is 0.",
    kink: "Here the two differ: this input stands at a kink, where a small move up and a small move down do different \
           things. There is no one slope; backprop takes one side, the finite difference the middle.",
    row: "row",
    column: "column",
    memory_title: "What must be remembered",
    memory_text: [
        "On the way back some nodes ask for something from the way forward: ReLU for the signs, max pool for the winners, a \
         product for its factors, other functions for their input. That has to be kept in memory until it is used. A \
         convolution asks for nothing: it is linear, so its slope does not depend on its input. (The gradient of its weights \
         would need the input; but the weights are frozen, only the image is learned.)",
        "Signs and winners are tiny: a bit or a few for each value. What is not needed any more makes room for what comes.",
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
         more grows with every step, until little is seen of the noise: each picture has a colour range of its own.",
        "Each column shows the image after some steps, and under it the gradient at that step.",
    ],
    frame: "step {}: loss {}",
    frame_gradient: "gradient, RMS {}",
    code_title: "Where this is in the code",
    code_text: "Each op is one file, which opens with its maths. The gradient itself is put together in src/engine/autodiff.rs, in \
                one walk backwards. Search for these lines:",
    code_columns: ["op", "forward", "gradient rule", "gradient's own loops", "shader"],
    made: "Made by unet-lens {} with: {}",
};
