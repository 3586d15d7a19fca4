// The runner: a plan's calls on the reader's GPU. Buffers, pipelines and bind groups are made once, then runs are recorded and
// submitted; what is asked for is read back. The twin of src/engine/exec/gpu/program.rs.
const PARAMS_APART = 256;

class Gpu {
  // null where there is no WebGPU. `lost` hears why the device went away.
  static async open(model, lost) {
    const adapter = await navigator.gpu?.requestAdapter();
    const device = await adapter?.requestDevice();
    if (!device) return null;
    const gpu = new Gpu();
    Object.assign(gpu, { model, device, modules: [], pipelines: new Map() });
    const { description, vendor, architecture, isFallbackAdapter } = adapter.info ?? {};
    // A processor that stands in for a GPU.
    gpu.is_software = Boolean(isFallbackAdapter);
    gpu.name = description || [vendor, architecture].filter(Boolean).join(" ") || "?";
    device.lost.then((info) => { gpu.is_lost = true; lost(info.message || info.reason); });
    device.onuncapturederror = (event) => { event.preventDefault(); gpu.problem ??= event.error.message; };
    // Bound where a shader's flags say that it reads or writes nothing.
    gpu.unread = gpu.buffer(16, GPUBufferUsage.STORAGE);
    gpu.unwritten = gpu.buffer(16, GPUBufferUsage.STORAGE);
    return gpu;
  }

  get kind() { return "gpu"; }

  buffer(size, usage) {
    return this.device.createBuffer({ size: Math.max(Math.ceil(size / 16) * 16, 16), usage });
  }

  module(number) {
    return this.modules[number] ??= (() => {
      const { text, bindings } = this.model.sources[number];
      const entry = (binding, type) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } });
      const types = { write: "storage", read: "read-only-storage" };
      const entries = [entry(0, "uniform"), ...bindings.map((access, i) => entry(i + 1, types[access]))];
      const layout = this.device.createBindGroupLayout({ entries });
      return {
        module: this.device.createShaderModule({ code: text }),
        layout,
        pipeline_layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      };
    })();
  }

  // The pipeline of that shader, entry point and those override constants; made once.
  pipeline({ source, entry, overrides }) {
    const key = JSON.stringify([source, entry, overrides]);
    if (!this.pipelines.has(key)) {
      const { module, pipeline_layout } = this.module(source), constants = Object.fromEntries(overrides);
      const made = this.device.createComputePipelineAsync({
        layout: pipeline_layout,
        compute: { module, entryPoint: entry, constants },
      });
      this.pipelines.set(key, made);
    }
    return this.pipelines.get(key);
  }

  // Submits what was recorded and reads from buffers: [buffer, bytes, where they begin].
  async read(encoder, reads) {
    const total = reads.reduce((sum, [, size]) => sum + size, 0);
    const staging = this.buffer(total, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ);
    try {
      let at = 0;
      for (const [buffer, size, from = 0] of reads) {
        encoder.copyBufferToBuffer(buffer, from, staging, at, size);
        at += size;
      }
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const floats = new Float32Array(staging.getMappedRange().slice(0));
      at = 0;
      return reads.map(([, size]) => floats.subarray(at, at += size / 4));
    } finally {
      staging.destroy();
    }
  }

  // A climb's plan, "fast" or "open", made ready. `changes`: what is broken on purpose (see breaks.js).
  async load(climb, which, filter, changes = {}) {
    const program = new Program(this, climb, which, changes);
    try {
      await program.prepare(filter);
    } catch (error) {
      program.destroy();
      throw error;
    }
    return program;
  }

  destroy() {
    this.unread.destroy();
    this.unwritten.destroy();
    this.device.destroy();
  }
}

class Program {
  constructor(gpu, climb, which, changes) {
    Object.assign(this, { gpu, climb, plan: climb[which], which, changes, made: [], steppers: {} });
    this.value_of = new Map(this.plan.there);
  }

  buffer(size, usage) {
    const buffer = this.gpu.buffer(size, usage);
    this.made.push(buffer);
    return buffer;
  }

  async prepare(filter) {
    const { gpu, plan } = this, { STORAGE, COPY_SRC, COPY_DST, UNIFORM } = GPUBufferUsage;
    const most = Math.max(...plan.buffers, ...plan.scratch);
    if (most > gpu.device.limits.maxStorageBufferBindingSize) throw new Error(`a buffer of ${most} bytes`);
    const chosen = plan.calls.map((call) => this.pipeline_of(call));
    this.buffers = plan.buffers.map((size) => this.buffer(size, STORAGE | COPY_SRC | COPY_DST));
    this.scratch = plan.scratch.map((size) => this.buffer(size, STORAGE));
    const made = await Promise.allSettled([this.fill_constants(filter), ...chosen.map((pipeline) => gpu.pipeline(pipeline))]);
    for (const { reason } of made) if (reason) throw reason;
    const pipelines = made.slice(1).map(({ value }) => value);
    const params = new Uint32Array(Math.max(plan.calls.length, 1) * PARAMS_APART / 4);
    plan.calls.forEach((call, i) => params.set(call.params, i * PARAMS_APART / 4));
    this.params = this.buffer(params.byteLength, UNIFORM | COPY_DST);
    gpu.device.queue.writeBuffer(this.params, 0, params);
    this.launches = plan.calls.map((call, i) => this.launch(call, i, chosen[i], pipelines[i]));
    this.filter = filter;
    this.check();
  }

  async fill_constants(filter) {
    this.constants = [];
    for (let i = 0; i < this.plan.constants.length; i++) {
      const packed = await this.packed(i, filter), buffer = this.buffer(packed.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
      this.gpu.device.queue.writeBuffer(buffer, 0, packed);
      this.constants.push(buffer);
    }
  }

  // A processor takes a convolution's tiles by few threads. With relu's mask of the gradient's own sign as well (guided backprop) the
  // epilogue's relu comes before its gate.
  pipeline_of(call) {
    const planned = this.plan.pipelines[call.pipeline], is_tiled = planned.entry === "tiled";
    const pipeline = is_tiled && this.gpu.is_software ? { ...planned, entry: "few_threads" } : planned;
    const gated = pipeline.overrides.some(([name]) => name === "GATE");
    if (!this.changes.guided || !gated) return pipeline;
    return { ...pipeline, overrides: [...pipeline.overrides, ["RELU", 1]] };
  }

  bound(binding, access) {
    if (binding === "nothing") return access === "write" ? this.gpu.unwritten : this.gpu.unread;
    if ("value" in binding) return this.buffers[this.plan.buffer_of[binding.value]];
    return "constant" in binding ? this.constants[binding.constant] : this.scratch[binding.scratch];
  }

  launch(call, i, { source }, pipeline) {
    const { gpu } = this, { bindings } = gpu.model.sources[source], { layout } = gpu.module(source);
    const size = Math.ceil(call.params.length / 4) * 16;
    const entries = [{ binding: 0, resource: { buffer: this.params, offset: i * PARAMS_APART, size } }];
    call.bind.forEach((binding, k) =>
      entries.push({ binding: k + 1, resource: { buffer: this.bound(binding, bindings[k]) } }));
    return { pipeline, groups: call.groups, step: call.step, bindings: gpu.device.createBindGroup({ layout, entries }) };
  }

  // A constant for this filter, packed by the worker. Its bias is no kernel, but a number of the layer's own list.
  async packed(i, filter) {
    const { plan, climb, changes, gpu: { model } } = this, constant = plan.constants[i];
    const packed = await model.helper.order({ what: "pack", constant, filter, off: changes.off });
    if ("numbers" in constant) {
      const call = plan.calls.find((call) => call.bind.some((binding) => binding.constant === i));
      const nodes = call ? plan.steps[call.step] : [];
      if (nodes.includes(climb.own) && climb.nodes[climb.own].bias !== null) packed[0] = climb.bias[filter];
      for (const id of nodes) change_numbers(climb, id, packed, changes);
    }
    return packed;
  }

  async set_filter(filter) {
    const { plan, climb } = this;
    const is_of_filter = (constant, i) => "kernel" in constant ? is_own(constant.kernel)
      : plan.calls.some((call) => call.bind.some((b) => b.constant === i) && plan.steps[call.step].includes(climb.own));
    for (const [i, constant] of plan.constants.entries())
      if (is_of_filter(constant, i)) this.gpu.device.queue.writeBuffer(this.constants[i], 0, await this.packed(i, filter));
    this.filter = filter;
  }

  check() {
    const { problem } = this.gpu;
    this.gpu.problem = undefined;
    if (problem) throw new Error(problem);
    if (this.gpu.is_lost) throw new Error("the device was lost");
  }

  buffer_of(node) { return this.buffers[this.plan.buffer_of[this.value_of.get(node)]]; }

  size_of(node) {
    const [h, w, c] = this.climb.nodes[node].shape;
    return h * w * quads(c) * 16;
  }

  // One run. `inputs`: what to write, by node; `want`: the nodes to read. `blocked`: nodes whose values are 0 whatever is computed;
  // `look`: nodes of which a small picture is wanted.
  async run(inputs, want, { blocked = [], look = [] } = {}) {
    const { gpu, climb } = this, { queue } = gpu.device;
    for (const [node, values] of inputs)
      queue.writeBuffer(this.buffer_of(node), 0, fill_up(values, climb.nodes[node].shape[2]));
    const encoder = gpu.device.createCommandEncoder();
    this.record(encoder, blocked);
    const parts = await gpu.read(encoder, want.map((node) => [this.buffer_of(node), this.size_of(node)]));
    const values = new Map(want.map((node, i) => [node, cut_down(parts[i], climb.nodes[node].shape[2])]));
    if (look.length) this.looker ??= new Looker(this);
    const looks = look.length ? await this.looker.look(look) : [];
    this.check();
    return { values, looks };
  }

  record(encoder, blocked) {
    const { plan, changes } = this, step_of = (node) => plan.steps.findIndex((nodes) => nodes.includes(node));
    const closed = new Map(blocked.map((node) => [step_of(node), node]));
    // A part of a concat that counts as 0 is never copied: the values there stay 0.
    const left_out = new Map((changes.skips ?? []).map(([concat, part]) => [step_of(concat), part]));
    let pass = encoder.beginComputePass(), in_step = 0;
    this.launches.forEach(({ pipeline, bindings, groups, step }, i) => {
      in_step = this.launches[i - 1]?.step === step ? in_step + 1 : 0;
      if (left_out.get(step) !== in_step) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindings);
        pass.dispatchWorkgroups(...groups);
      }
      if (closed.has(step) && this.launches[i + 1]?.step !== step) {
        pass.end();
        encoder.clearBuffer(this.buffer_of(closed.get(step)));
        pass = encoder.beginComputePass();
      }
    });
    pass.end();
  }

  // A step along a gradient: the next image, and what Adam remembers. The optimiser is a program of its own.
  async follow({ optimizer, rate }, image, gradient, memory) {
    const { inputs, next, nodes, plan } = this.climb.optimizers[optimizer], { arrays } = this.climb;
    const stepper = this.steppers[optimizer] ??= await this.gpu.load({ nodes, plan, arrays }, "plan", 0);
    const sent = { image, gradient, rate: [rate], ...memory };
    const written = Object.entries(inputs).map(([name, node]) => [node, sent[name]]);
    const { values } = await stepper.run(written, Object.values(next));
    const { image: moved, ...remembered } = Object.fromEntries(Object.entries(next).map(([name, node]) => [name, values.get(node)]));
    return { image: moved, memory: { ...memory, ...remembered } };
  }

  destroy() {
    for (const stepper of Object.values(this.steppers)) stepper.destroy();
    for (const buffer of this.made) buffer.destroy();
    this.made = [];
    this.steppers = {};
  }
}
