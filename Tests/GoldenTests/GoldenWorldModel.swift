import Foundation
import Settings
import Spaces
import Testing
import Torch

@testable import WorldModel

/// `authors_world_model`: the world model against the authors' PyTorch code.
@Suite struct GoldenWorldModel {
  let golden: Golden
  let model: WorldModel
  /// All parameters under the authors' names: the model's, then the start of sequences, which the authors learn too.
  let parameters: Golden.NamedParameters
  /// `h` `[D]` and `z` `[S·K]` at the start.
  private let (initialH, initialZ): (Parameter, Parameter)
  private let weights: LossConfiguration

  init() throws {
    golden = try Golden("authors_world_model")
    try #require(golden.size("hp.gru_layers") == 1, "the world model has one recurrent layer")
    var sizes = LatentSizes()
    sizes.depth = try golden.size("hp.cnn_depth")
    sizes.deterministic = try golden.size("hp.deter_dim")
    sizes.hidden = try golden.size("hp.hidden_dim")
    sizes.groups = try golden.size("hp.stoch_dim")
    sizes.classes = try golden.size("hp.stoch_rank")
    let side = try golden["in.obs"].shape.last!
    let space = ObservationSpace(channels: try golden.size("hp.image_channels"), height: side, width: side)
    model = WorldModel(sizes, space, actions: .discrete(try golden.size("hp.action_dim")), using: RandomSource(Seed(0)))
    (initialH, initialZ) = (Parameter(.zeros([sizes.deterministic])), Parameter(.zeros([sizes.stochastic])))
    let start: Golden.NamedParameters = [("rssm_core.cell.init_h", initialH), ("rssm_core.cell.init_z", initialZ)]
    try golden.restore(start)
    parameters = try golden.load(model, naming: AuthorsNames.worldModel) + start

    var weights = LossConfiguration()
    weights.klWeight = try golden.setting("hp.kl_weight")
    weights.klBalance = try golden.setting("hp.kl_balance")
    weights.imageWeight = try golden.setting("hp.image_weight")
    self.weights = weights
  }

  @Test func agreesWithTheAuthorsCode() throws {
    let start = try initialState()
    try golden.compare("init_state_h", start.deterministic)
    try golden.compare("init_state_z", start.stochastic)
    try compareSegment("", from: start)
    try compareGradientsOfBothBalances()

    let carried = try state("carry.in.")
    try compareSegment("carry.", from: carried)
    try golden.compare("carry.grad.", gradientsOf: losses("carry.", from: carried).total.mean(), parameters)

    try compareDream()
    try compareOptimizers()
    golden.finish()
  }

  /// What is computed in bf16, with 8 bits for each number, lies within 3 % of a tensor's largest value, gradients
  /// within 6 %. Draws are the file's: where two classes are about as probable, rounding would choose another. How much
  /// rounding adds up to depends on the sizes: for the package's own files only.
  @Test(.enabled(if: (ProcessInfo.processInfo.environment["DITTO_GOLDEN"] ?? "").isEmpty)) func agreesInHalfPrecision()
    throws
  {
    let (frames, z) = (try golden["in.obs"], try golden["z"])
    let exponentialNoise = (1 - z + 1e-30).reshaped(z.shape.dropLast() + [model.sizes.groups, model.sizes.classes])
    let (action, isFirst, start) = (
      try golden["in.action"], try golden["in.reset"].values(as: Float.self).map { $0 == 1 }, try initialState()
    )
    let (inference, losses, decoded) = computing(in: .bf16) {
      let inference = model.infer(
        Observation(model.observation, [frames]), previousAction: action, isFirst: isFirst, from: start,
        draw: .exponentialNoise(exponentialNoise))
      return (
        inference, model.loss(inference, weights), model.decode(inference.states).image!
      )
    }
    for (name, value) in [
      ("post_logits", inference.posteriorLogits), ("prior_logits", inference.priorLogits),
      ("h", inference.states.deterministic),
      ("z", inference.states.stochastic), ("decoded", decoded), ("loss", losses.total), ("loss_image", losses.image!),
      ("loss_kl", losses.divergence),
    ] { try golden.compare(name, value.to(.float32), share: 0.03) }
    try golden.compare("grad.", gradientsOf: losses.total.mean(), parameters, share: 0.06)
  }

  /// Everything inferred along one segment, and its losses.
  private func compareSegment(_ prefix: String, from start: LatentState) throws {
    let pixels = try self.pixels()
    try golden.compare(prefix + "in.obs", pixels(golden[prefix + "in.obs_u8"]))

    let frames = try golden[prefix + "in.obs"]
    let inference = try infer(prefix, from: start)
    let states = inference.states
    let leading = Array(frames.shape.prefix(2))
    try golden.compare(
      prefix + "embed",
      model.embedding(of: Observation(model.observation, [frames]).flattened(first: 2)).unflattened(leading))
    try golden.compare(prefix + "post_logits", inference.posteriorLogits)
    try golden.compare(prefix + "prior_logits", inference.priorLogits)
    try golden.compare(prefix + "h", states.deterministic)
    try golden.compare(prefix + "z", states.stochastic)
    try golden.compare(prefix + "features", states.features)
    try golden.compare(prefix + "decoded", model.decode(states).image!)
    try golden.compare(prefix + "out_state_h", states.deterministic[leading[0] - 1])
    try golden.compare(prefix + "out_state_z", states.stochastic[leading[0] - 1])

    let (posterior, prior) = (inference.posterior, inference.prior)
    try golden.compare(prefix + "post_mode", posterior.sampled(.mode))
    try compareMargin(prefix + "post_margin_min", of: inference.posteriorLogits)

    let losses = model.loss(inference, weights)
    try golden.compare(prefix + "loss_reconstr", losses.image! * weights.imageWeight)
    for (name, term) in [
      ("loss", losses.total), ("loss_image", losses.image!), ("loss_kl", losses.divergence),
      ("loss_kl_exact", posterior.divergence(from: prior).sum(over: -1)),
      ("loss_kl_post", balancedDivergence(posterior: posterior, prior: prior, balance: 0)),
      ("loss_kl_prior", balancedDivergence(posterior: posterior, prior: prior, balance: 1)),
      ("entropy_post", posterior.entropy.sum(over: -1)), ("entropy_prior", prior.entropy.sum(over: -1)),
    ] {
      try golden.compare(prefix + name, term)
      try golden.compare(prefix + "mean." + name, term.mean())
    }
  }

  /// The objective's gradients and those of the KL alone, for both readings of eq 11.
  private func compareGradientsOfBothBalances() throws {
    for (suffix, balance) in [("", weights.klBalance), ("_eq11_as_printed", 1 - weights.klBalance)] {
      let total = try losses("", from: initialState(), balance: balance).total
      try golden.compare("grad\(suffix).", gradientsOf: total.mean(), parameters)
      let divergence = try losses("", from: initialState(), balance: balance).divergence
      try golden.compare("grad_kl\(suffix).", gradientsOf: divergence.mean(), parameters)
    }
  }

  /// A rollout in the prior dynamics under given actions.
  private func compareDream() throws {
    let start = try state("dream.in.")
    let actions = try golden["dream.in.action"]
    let numbered = actions.argmax(over: -1).to(.float32).reshaped(actions.shape.dropLast() + [1])
    let states = model.imagine(from: start, following: numbered, draw: .mode).reached
    try golden.compare("dream.h", states.deterministic)
    try golden.compare("dream.z", states.stochastic)

    var state = start
    let logits = stacked(
      actions.unbound().map { action in
        let step = model.rssm.imagine(from: state, action: action, draw: .mode)
        state = step.state
        return step.logits
      })
    try golden.compare("dream.prior_logits", logits)
    try compareMargin("dream.prior_margin_min", of: logits)
  }

  /// The smallest gap between the two largest logits of a variable: how safe the modes are.
  private func compareMargin(_ name: String, of logits: Tensor) throws {
    let (values, classes) = (logits.values(as: Float.self), model.sizes.classes)
    let margins = stride(from: 0, to: values.count, by: classes).map { first in
      let best = values[first..<first + classes].sorted(by: >)
      return best[0] - best[1]
    }
    // Float32 logits agree to some 4e-7 of the largest, and so does the difference of two, however small it is.
    try golden.compare(name, Tensor([margins.min()!], [1]), rounding: 1e-6 * Double(values.map(abs).max()!))
  }

  // Inputs

  private func infer(_ prefix: String, from start: LatentState) throws -> WorldModel.Inference {
    model.infer(
      Observation(model.observation, [try golden[prefix + "in.obs"]]), previousAction: try golden[prefix + "in.action"],
      isFirst: try golden[prefix + "in.reset"].values(as: Float.self).map { $0 == 1 }, from: start, draw: .mode)
  }

  private func losses(_ prefix: String, from start: LatentState, balance: Double? = nil) throws -> WorldModelLoss {
    var weights = self.weights
    weights.klBalance = balance ?? weights.klBalance
    return model.loss(try infer(prefix, from: start), weights)
  }

  /// The learned start, repeated for each sequence of the main segment.
  private func initialState() throws -> LatentState {
    let batch = try golden["in.obs"].shape[1]
    return LatentState(
      deterministic: initialH.expanded([batch, initialH.count]), stochastic: initialZ.expanded([batch, initialZ.count]))
  }

  private func state(_ prefix: String) throws -> LatentState {
    LatentState(deterministic: try golden[prefix + "state_h"], stochastic: try golden[prefix + "state_z"])
  }

  private func pixels() throws -> PixelNormalizer {
    let constant = { (name: String) in
      [Float](repeating: Float(try golden.setting(name)), count: model.observation.frameSize)
    }
    return PixelNormalizer(
      mean: try constant("hp.pixel_mean"), deviation: try constant("hp.pixel_std"), model.observation.fields[0].frame!,
      on: .cpu)
  }

}
