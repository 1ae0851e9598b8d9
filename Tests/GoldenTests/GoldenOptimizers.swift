import Testing
import Torch

/// The optimisers of `authors_world_model`, along the stored gradients: where a gradient is as small as its own
/// rounding error, Adam's first step would make a difference of two learning rates out of it.
extension GoldenWorldModel {
  func compareOptimizers() throws {
    let adamW = try configuration(epsilon: "hp.adamw_eps", decay: "hp.adamw_weight_decay", clip: "hp.clip_norm")
    let adam = try configuration(epsilon: "hp.adam_eps")
    try compareClipping(adamW)
    try compareFirstStep("after_adamw.", adamW)
    try compareFirstStep("after_adam.", adam)
    let clippedSooner = try configuration(
      epsilon: "hp.adamw_eps", decay: "hp.adamw_weight_decay", clip: "optim_seq.hp.clip_norm")
    try golden.compare("optim_seq.adamw.norm", compareSequence("optim_seq.adamw.", clippedSooner))
    _ = try compareSequence("optim_seq.adam.", adam)
  }

  private func compareFirstStep(_ prefix: String, _ configuration: OptimizerConfiguration) throws {
    try golden.restore(parameters)
    Adam(parameters, configuration).step(along: try storedGradients())
    try golden.compare(prefix, moved: parameters)
  }

  /// The norm of all gradients together, and the factor that they count with.
  private func compareClipping(_ configuration: OptimizerConfiguration) throws {
    try golden.restore(parameters)
    let optimizer = Adam(parameters, configuration)
    let norm = optimizer.step(along: try storedGradients())
    try golden.compare("clip.total_norm", norm)
    // After the first step, the first moments are (1 − β₁) times the gradients as they counted.
    let moments = optimizer.state.filter { $0.name.hasSuffix(".first") }.map { $0.tensor.squared().sum() }
    try golden.compare("clip.coefficient", stacked(moments).sum().squareRoot() / (1 - configuration.beta1) / norm)
  }

  /// Six steps of two small parameters; returns the gradients' norm at each.
  private func compareSequence(_ prefix: String, _ configuration: OptimizerConfiguration) throws -> Tensor {
    let (p, q) = (Parameter(try golden["optim_seq.in.p"]), Parameter(try golden["optim_seq.in.q"]))
    let optimizer = Adam([("p", p), ("q", q)], configuration)
    var (ps, qs, norms) = ([Tensor](), [Tensor](), [Tensor]())
    for (gradientP, gradientQ) in zip(
      try golden["optim_seq.in.grad_p"].unbound(), try golden["optim_seq.in.grad_q"].unbound())
    {
      norms.append(optimizer.step(along: [gradientP, gradientQ]))
      // Sums are copies; the parameters themselves change in place.
      ps.append(p.detached() + 0)
      qs.append(q.detached() + 0)
    }
    try golden.compare(prefix + "p", stacked(ps), movedFrom: golden["optim_seq.in.p"])
    try golden.compare(prefix + "q", stacked(qs), movedFrom: golden["optim_seq.in.q"])
    return stacked(norms)
  }

  private func storedGradients() throws -> [Tensor] { try parameters.map { try golden["grad." + $0.name] } }

  private func configuration(epsilon: String, decay: String? = nil, clip: String? = nil) throws
    -> OptimizerConfiguration
  {
    var configuration = OptimizerConfiguration()
    configuration.learningRate = try golden.setting("hp.lr")
    configuration.epsilon = try golden.setting(epsilon)
    configuration.weightDecay = try decay.map(golden.setting) ?? 0
    configuration.clipNorm = try clip.map(golden.setting) ?? 0
    configuration.beta1 = try golden.setting("hp.beta1")
    configuration.beta2 = try golden.setting("hp.beta2")
    return configuration
  }
}
