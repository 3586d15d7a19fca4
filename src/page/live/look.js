// The same on the GPU (look.wgsl): only small pictures are read back, not the values.
class Looker {
  constructor(program) {
    const { gpu } = program, { device } = gpu, { climb } = program;
    Object.assign(this, { program, gpu, at: new Map() });
    let total = 0;
    program.value_of.forEach((_, node) => {
      this.at.set(node, total);
      total += quads(climb.nodes[node].shape[2]) * 4 + (1 + STRIP) * THUMB * THUMB;
    });
    this.results = program.buffer(total * 4, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
    this.params = program.buffer(this.at.size * 256, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    const entry = (binding, type) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } });
    const entries = [entry(0, "uniform"), entry(1, "storage"), entry(2, "read-only-storage")];
    this.layout = device.createBindGroupLayout({ entries });
    const layout = device.createPipelineLayout({ bindGroupLayouts: [this.layout] });
    const module = device.createShaderModule({ code: gpu.model.look });
    const pipeline = (entryPoint) => device.createComputePipeline({ layout, compute: { module, entryPoint } });
    [this.strength, this.picture] = [pipeline("strength"), pipeline("picture")];
  }

  bindings(node, number) {
    const resources = [{ buffer: this.params, offset: number * 256, size: 48 }, { buffer: this.results },
      { buffer: this.program.buffer_of(node) }];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    return this.gpu.device.createBindGroup({ layout: this.layout, entries });
  }

  async pass(look, pipeline, settings, groups, sizes, offset) {
    const params = new Uint32Array(look.length * 64);
    look.forEach((one, i) => params.set(settings(one), i * 64));
    this.gpu.device.queue.writeBuffer(this.params, 0, params);
    const encoder = this.gpu.device.createCommandEncoder(), pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    look.forEach((one, i) => {
      pass.setBindGroup(0, this.bindings(one.node, i));
      pass.dispatchWorkgroups(...groups(one));
    });
    pass.end();
    const staging = look.map((one) => [this.results, sizes(one) * 4, (this.at.get(one.node) + offset(one)) * 4]);
    return this.gpu.read(encoder, staging);
  }

  // `look`: nodes with a channel each, `undefined` for the strongest.
  async look(look) {
    const shape = ({ node }) => this.program.climb.nodes[node].shape;
    const settings = (one, at) => {
      const [h, w, c] = shape(one);
      return [h, w, quads(c), one.channel, ...thumb_size([h, w]), at, 0, ...one.strip];
    };
    const padded = (one) => quads(shape(one)[2]) * 4;
    const measured = look.map((one) => ({ ...one, channel: 0, strip: [] }));
    const strengths = await this.pass(measured, this.strength, (one) => settings(one, this.at.get(one.node)),
      (one) => [quads(shape(one)[2])], padded, () => 0);
    const chosen = look.map((one, i) => {
      const c = shape(one)[2], strip = strongest(strengths[i].subarray(0, c));
      return { node: one.node, channel: one.channel < c ? one.channel : strip[0], strip };
    });
    const area = (one) => { const [rows, columns] = thumb_size(shape(one)); return rows * columns; };
    const groups = (one) => [Math.ceil(area(one) / 64), 1 + one.strip.length];
    const pictures = await this.pass(chosen, this.picture, (one) => settings(one, this.at.get(one.node) + padded(one)), groups,
      (one) => area(one) * (1 + one.strip.length), padded);
    return chosen.map((one, i) => {
      const [rows, columns] = thumb_size(shape(one)), [h, w] = shape(one), size = area(one);
      const picture = (k) => pictures[i].subarray(k * size, (k + 1) * size);
      const strip = one.strip.map((channel, k) => ({ channel, picture: picture(k + 1), strength: strengths[i][channel] / (h * w) }));
      return { channel: one.channel, picture: picture(0), rows, columns, strip };
    });
  }
}
