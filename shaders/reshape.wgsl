// Values carried to other places of their image. reshape: the same values in the same order, as rows, columns and channels of
// other sizes. permute: rows, columns and channels change places.
//
//   reshape:  y[i] = x[i],  counted in memory order, without what fills up a pixel's last quad (four channels)
//   permute:  y[p] = x[q]   where q[order[k]] = p[k]
//
// A quad's channels may come from four places. A thread owns a quad of the result, and fetches number by number.

struct Params {
    count: u32,      // quads of y
    c4: u32,         // quads per pixel of y
    channels: u32,   // of y
    h: u32,          // rows and columns of y
    w: u32,
    x_image: u32,    // numbers of x per image, those that fill up counted in
    x_channels: u32, // (reshape)
    down: u32,       // numbers of x from one row of y to the next (permute)
    across: u32,     // from one column of y
    deep: u32,       // from one channel of y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

@compute @workgroup_size(64)
fn reshape(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let pixel = i / params.c4;
    let of_image = params.h * params.w;
    let filled = (params.x_channels + 3) / 4 * 4;
    var v = vec4(0.0);
    for (var k = 0u; k < 4; k++) {
        let c = i % params.c4 * 4 + k;
        if c < params.channels {
            let at = pixel % of_image * params.channels + c;
            v[k] = x[pixel / of_image * params.x_image + at / params.x_channels * filled + at % params.x_channels];
        }
    }
    y[i] = v;
}

@compute @workgroup_size(64)
fn permute(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let pixel = i / params.c4;
    let row = pixel / params.w; // counted through all images
    let at = row / params.h * params.x_image + row % params.h * params.down + pixel % params.w * params.across;
    var v = vec4(0.0);
    for (var k = 0u; k < 4; k++) {
        let c = i % params.c4 * 4 + k;
        if c < params.channels {
            v[k] = x[at + c * params.deep];
        }
    }
    y[i] = v;
}
