//! The lesson in English; what is said of each op is in `ops`.

use super::{Lang, Strings, Verdicts, terminal};

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
    climbed: "In training the loss is an error, and one walks down its gradient. Here it is what we want more of: the image walks up. \
              The loss is climbed, not descended; and it is the image that changes, never the weights.",
    chosen: "Of the layer's {} filters this is the first with something to see: for the image that filter 0 starts from, {} of its map are \
             zeros, of filter 0's own map {}.",
    by_hand: "Best read first: {}, backprop from start to finish in {} lines.",
    source_of: "Source text of {}",
    source_title: "The source of {}",
    dead: "This filter is dead for this image: somewhere on the way, most often at a ReLU, nothing gets through, so the gradient is \
           zero everywhere below it.",
    contents: "Contents",
    u_title: "The network as a U",
    u_text: [
        "Each square is a node and shows what it holds for this image: one channel, everywhere the one of the same number, if the node \
         has so many. Rows are image sizes: a pool or a stride leads a row down, an upsampling or a transposed convolution a row up. \
         Arcs are skips: a value used once on the way down, and again on the way up.",
        "Step forward to the loss, and on: then the same nodes show their gradients, and the arrows turn round. Behind the image's \
         gradient come the three ops that make a step of it.",
    ],
    u_forward: "Forward: what each node holds",
    u_backward: "Backward: the gradient of each node",
    after: "the step",
    ascent_title: "The step, in the colours of the way forward:",
    ascent: [
        ("rms", "How large the gradient is: the root of the mean of its squares."),
        (
            "normalise",
            "The gradient divided by its RMS: every step has the same length, however large or small the gradient is. Epsilon \
                       keeps a gradient of zero at zero.",
        ),
        (
            "step",
            "Added to the image: the image that the next step begins with. Added, not subtracted: the loss is climbed.",
        ),
    ],
    choose_channel: "Channel",
    silent_channel: "{} (nearly silent)",
    same_channel: "Channel {}, as in the drawing:",
    scale: "One scale for all squares, so that neighbours can be compared: blue is negative, red positive, each colour step a factor. \
            What is exactly zero has a colour of its own.",
    exact_zero: "exactly 0",
    previous: "Back",
    next: "Step",
    place: "Place on the way forward and back",
    keys: "The arrow keys step, too. Click a node to go to it.",
    status: "{} of {}: {}, {}",
    forward: "forward",
    backward: "backward",
    value_of: "{}, computed by {}",
    gradient_of: "The gradient of {}",
    strongest: "Its strongest channels, each with a colour range of its own, from its least (dark, or blue) to its largest value:",
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
        "A share is (stream · sum) / (sum · sum), where · multiplies two gradients number by number and adds all products up: the part of \
         the stream that points the sum's way, measured by the sum.",
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
    parts: ["dx₁, across the skip", "dx₂, by way of the pool"],
    turned: [
        "Why it is turned, for the middle of the kernel at 0: y[p] = Σ x[p + k] W[k]. Which outputs read x[q]? Those with p + k = q, so \
         p = q − k. Put in: dx[q] = Σ dy[q − k] W[k]. Called j = −k that is Σ dy[q + j] W[−j]: a convolution over dy with the kernel \
         turned by half a turn.",
        "Pick a cell of x: the turned kernel is laid over dy, and each cell of dy under it shows the weight that it is multiplied by.",
    ],
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
        "A sign is one bit. A winner of a window of 2×2 takes 4: a bit for each place, of which one is set. Two bits could name the place; \
         but four are at once the mask that says, place by place, who gets the gradient.",
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
        "Why the RMS? A gradient says which way is up, but its size says little about how far to go: from layer to layer it differs a \
         thousandfold, and here it is {} at the start. Divided by its RMS every step changes the pixels by about 1, in every layer, so \
         one recipe serves them all.",
        "Each column shows the image after some steps, and under it the gradient at that step.",
    ],
    frame: "step {}: loss {}",
    frame_gradient: "gradient, RMS {}",
    code_title: "Where this is in the code",
    code_text: [
        "The gradient itself is put together in one walk backwards. This is all of it, as it stands in the source:",
        "Each op is one file, which opens with its maths. Search for these lines:",
    ],
    code_columns: ["op", "forward", "gradient rule", "gradient's own loops", "shader"],
    made: "Made by unet-lens {} with: {}",

    others_title: "Silent filters, and bright borders",
    others_text: "The same image, other filters, in one scale of colours. Dark is exactly zero.",
    others_filter: "filter {} of {}",
    others_own: "the one explained",
    others_dead: "dead",
    others_gradient: "the dead filter's gradient",
    others_border: "bright at the border",
    dead_title: "What dead means",
    dead_text: [
        "Filter {} of {} answers nowhere: every sum that its kernel makes is negative, and ReLU makes zeros of all of them. Where ReLU is \
         off, no gradient comes back; so it is zero for every pixel, and no step leads anywhere. The climb stays where it began.",
        "That is said of this image, not of the filter for good: from another start it may wake up. And its picture would be the noise it \
         began with, which is why no such picture is shown as an answer.",
    ],
    dead_none: "No filter of this network is dead for this image. A dead one answers nowhere: ReLU makes zeros of all that its kernel \
                finds, and where ReLU is off no gradient comes back. So it is zero for every pixel, and no step leads anywhere.",
    border_title: "Why borders light up",
    border_text: "Beyond the image a convolution reads zeros (zero padding). So the image's rim is an edge for it, from what the image holds \
                  down to 0, even where the image has none; and a filter that looks for edges, or for dark beside bright, answers there. \
                  Each layer adds a ring of its own.",
    border_numbers: "Filter {} here: {} of its whole answer stands in the outermost ring, which is {} of the pixels.",

    exercises_title: "Exercises",
    exercises_text: [
        "Eight gradients, from easy to hard. Predict the marked cell, or write the rule for all cells as one line of JavaScript; or both. \
         What you write is compared with what the engine computed.",
        "No hurry and no marks. A line that never ends is stopped after two seconds. The solution is the engine's own source, one click away.",
    ],
    exercises_state: "What you answer, and all that you choose on this page, stands in its address: copy it, and whoever opens it sees the same.",
    exercise_progress: "{} of {} solved",
    exercise_solved: "solved",
    predict: "Predict",
    write_rule: "Or write the rule",
    check: "Check",
    solution: "Solution, in the source",
    yours: "yours",
    pixel: "the pixel",
    verdicts: Verdicts {
        exact: "Exact: that is what the engine computed.",
        close: "Close: at most {} from what the engine computed.",
        wrong: "No, the engine has another number there.",
        differs: "Row {}, column {}{} differs: yours is {}, the engine's {}.",
        more: "So do {} other cells.",
        more_one: "So does one other cell.",
        no_number: "For row {}, column {}{} your line gives {}, which is no number.",
        no_rule: "This is no expression in JavaScript: {}",
        slow: "Stopped after two seconds: does it ever end?",
        nothing: "Nothing to check yet.",
    },

    tour_label: "Tour",
    tour_play: "Play",
    tour_pause: "Pause",
    tour_next: "Next",
    tour_stop: "Skip the tour",
    tour_about: "A tour of two minutes",
    tour_at: "{} of {}",

    terminal: terminal::EN,
};
