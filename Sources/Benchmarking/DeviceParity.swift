import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Spaces
import Torch
import WorldModel

/// What a device computes beside what the CPU does with our kernels, of the same weights, data and draws. On the CPU
/// itself, what it computes without them.
public struct DeviceParity: Codable, Sendable {
  public struct Row: Codable, Sendable {
    public let dtype: Precision
    public let what: String
    /// The norm of the difference from the CPU's float32 numbers, and the largest allowed, as shares of the norm of
    /// those; of several tensors the largest.
    public let difference, allowed: Double
  }
  public let device: Device
  /// What the device is.
  public let facts: String
  public let libtorch: String
  public let rows: [Row]

  public var agrees: Bool { rows.allSatisfy { $0.difference <= $0.allowed } }

  static let (length, batch, side, dreams) = (5, 4, 32, 128)
  /// Shares that rounding may add up to: of results, and of gradients.
  private static let allowed: [Precision: (results: Double, gradients: Double)] = [
    .f32: (1e-4, 1e-3), .bf16: (0.03, 0.2),
  ]

  /// - Parameter device: one that is there.
  public init(_ device: Device) throws {
    (self.device, facts, libtorch) = (device, device.facts, Libtorch.version)
    rows =
      try Self.rows(on: device, "", .discrete(6), RewardKind.allCases)
      + Self.rows(on: device, ", vectors", .box(low: [-1, 0, -3], high: [1, 2, 3]), [.dot, .gail])
  }

  /// - Parameters:
  ///   - space: what rows are called besides.
  ///   - kinds: rewards that learners make steps by.
  private static func rows(on device: Device, _ space: String, _ actions: ActionSpace, _ kinds: [RewardKind]) throws
    -> [Row]
  {
    let (model, networks, batch) = (Self.model(on: .cpu, actions), Self.networks(on: .cpu, actions), recorded(actions))
    // Draws are given: where two classes are about as probable, rounding would choose another.
    let draws = noGrad {
      model.infer(batch, draw: .sample(RandomSource(Seed(4)))).states.stochastic
    }
    let copies = { (device: Device) in
      let (copy, others) = (Self.model(on: device, actions), Self.networks(on: device, actions))
      copy.copyParameters(from: model)
      others.copyParameters(from: networks)
      return (model: copy, networks: others)
    }
    let frozen = { (device: Device, precision: Precision) in
      let (copy, others) = copies(device)
      copy.freeze(computingIn: precision)
      others.actor.freeze(computingIn: precision)
      return (model: copy, networks: others)
    }
    let expected = results(model, networks, batch, draws, .f32)
    var rows: [Row] = []
    func compare(
      _ found: [(what: String, tensors: [Tensor])], _ expected: [(what: String, tensors: [Tensor])],
      _ precision: Precision
    ) {
      let allowed = Self.allowed[precision]!
      rows += zip(expected, found).map { wanted, found in
        Row(
          dtype: precision, what: wanted.what + space, difference: difference(found.tensors, wanted.tensors),
          allowed: wanted.what.hasPrefix("gradients") ? allowed.gradients : allowed.results)
      }
    }
    func repeated(_ what: String, _ precision: Precision, _ body: () throws -> [Tensor]) rethrows {
      let found = try withoutKernels(on: device) { (try body(), try body()) }
      rows.append(
        Row(dtype: precision, what: "\(what), again\(space)", difference: difference(found.1, found.0), allowed: 0))
    }
    for precision in Precision.allCases {
      let found = withoutKernels(on: device) {
        let (copy, others) = copies(device)
        return results(copy, others, batch, draws.to(device), precision)
      }
      compare(found, expected, precision)
      repeated("three steps", precision) { trained(from: model, on: device, batch, precision) }
      try repeated("learners and actions", precision) {
        let (copy, others) = frozen(device, precision)
        return try updated(copy, others, by: kinds, precision)
      }
    }
    // Rewards are float32 in any precision, and few rows on the CPU.
    let (own, there) = (frozen(.cpu, .f32), frozen(device, .f32))
    let learners = try Learners(own.model)
    let found = try withoutKernels(on: device) {
      try results(Learners(there.model, like: learners), there.model, there.networks)
    }
    compare(found, try results(learners, own.model, own.networks), .f32)
    return rows
  }

  private static func withoutKernels<Result>(on device: Device, _ body: () throws -> Result) rethrows -> Result {
    try device == .cpu ? Libtorch.withoutKernels(body) : body()
  }

  private static func model(on device: Device, _ actions: ActionSpace) -> WorldModel {
    var sizes = LatentSizes()
    (sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (64, 48, 8, 8)
    let space = ObservationSpace(height: side, width: side)
    return WorldModel(
      sizes, Normalizer(space, mean: 127, deviation: 74, on: device), actions: actions,
      using: RandomSource(Seed(1), on: device))
  }

  private static func networks(on device: Device, _ actions: ActionSpace) -> ActorCritic {
    ActorCritic(features: 64 + 8 * 8, actions: actions, PolicySizes(), using: RandomSource(Seed(2), on: device))
  }

  private static func recorded(_ actions: ActionSpace) -> SequenceBatch {
    var generator = Seed(3).generator
    let places = 0..<length * batch
    let taken = places.map { place in
      actions.unscaled(
        Action(
          classes: actions.classCounts.map { place % $0 },
          numbers: actions.low.indices.map { Float((place + $0) % 5) / 2 - 1 }))
    }
    return SequenceBatch(
      length: length, batch: batch, observation: ObservationSpace(height: side, width: side),
      frames: (0..<places.count * side * side).map { _ in UInt8.random(in: 0...255, using: &generator) },
      previousActions: places.map { $0 < batch ? nil : taken[$0] },
      isFirst: places.map { $0 == 0 || $0 == 2 * batch + 1 })
  }

  /// What a world model and a policy's step compute, with gradients.
  private static func results(
    _ model: WorldModel, _ networks: ActorCritic, _ batch: SequenceBatch, _ draws: Tensor, _ precision: Precision
  ) -> [(what: String, tensors: [Tensor])] {
    let device = model.device
    let (inference, losses, decoded, dream) = computing(in: precision, on: device) {
      let inference = model.infer(batch, draw: .exponentialNoise(model.exponentialNoise(for: draws)))
      let dream = model.imagine(
        from: .zero(model.sizes, batch: self.batch, on: device),
        following: batch.actions(to: 0..<length, in: model.actions, on: device),
        draw: .exponentialNoise(model.exponentialNoise(for: draws[0])))
      return (
        inference, model.loss(inference, LossConfiguration()), model.decode(inference.states).image!, dream.reached
      )
    }
    let features = Tensor.normal([length, dreams, model.sizes.features], using: RandomSource(Seed(6))).to(device)
    let taken = model.actions.uniform([length - 1, dreams], using: RandomSource(Seed(10))).to(device)
    let reward = latentReward(expert: features.dropFirst(), learner: features.dropLast())
    var settings = ImitationConfiguration()
    // To deviation 1 they would be made of what rounding left of their differences.
    settings.normalizeAdvantages = false
    let policy = computing(in: precision, on: device) {
      PolicyLosses(networks, features: features, actions: taken, reward: reward, settings)
    }
    let gradients = { (loss: Tensor, module: Module) in
      Torch.gradients(of: loss, withRespectTo: module.parameters).compactMap { $0 }
    }
    return [
      ("posterior", [inference.posteriorLogits, inference.states.deterministic]), ("prior", [inference.priorLogits]),
      ("frames", [decoded]),
      ("dream", [dream.deterministic]), ("losses", [losses.total, losses.image!, losses.divergence, policy.critic]),
      ("rewards, returns", [reward, policy.returns]),
      ("gradients of the world model", gradients(losses.total.mean(), model)),
      (
        "gradients of actor and critic",
        gradients(policy.actor, networks.actor) + gradients(policy.critic, networks.critic)
      ),
    ]
  }

  /// The parameters after three steps on the device, whose draws are the device's own.
  private static func trained(from model: WorldModel, on device: Device, _ batch: SequenceBatch, _ precision: Precision)
    -> [Tensor]
  {
    let copy = Self.model(on: device, model.actions)
    copy.copyParameters(from: model)
    let learner = WorldModelLearner(
      copy, LossConfiguration(), OptimizerConfiguration { $0.clipNorm = 200 }, precision)
    for step in 0..<3 { _ = learner.update(on: batch, using: RandomSource(Seed(5).step(step), on: device)) }
    return copy.parameters.map { $0.detached() }
  }

  /// The largest of all tensors' differences, each as a share of its norm; infinite where something is no number.
  static func difference(_ found: [Tensor], _ expected: [Tensor]) -> Double {
    zip(found, expected).map { found, expected in
      let (a, b) = (found.to(.cpu).to(.float64), expected.to(.cpu).to(.float64))
      let norm = { (x: Tensor) in x.reshaped(-1).norm(over: 0).item }
      let (distance, size) = (norm(a - b), norm(b))
      return distance == 0 ? 0 : size > 0 && distance.isFinite ? distance / size : .infinity
    }.max() ?? 0
  }
}

extension WorldModel {
  /// Exponential noise `[…, S, K]` by which the classes `[…, S·K]` are drawn whatever their probability.
  fileprivate func exponentialNoise(for sampled: Tensor) -> Tensor {
    (1 - sampled + 1e-30).reshaped(sampled.shape.dropLast() + [sizes.groups, sizes.classes])
  }
}

extension DeviceParity: CustomStringConvertible {
  public var description: String {
    let number = { (value: Double) in String(format: "%.2g", value) }
    let table = TextTable(
      columns: ["dtype", "what", "difference", "allowed", ""],
      rows: rows.map {
        [
          $0.dtype.rawValue, $0.what, number($0.difference), number($0.allowed),
          $0.difference <= $0.allowed ? "" : "DIFFERS",
        ]
      })
    return "\(facts), libtorch \(libtorch), beside the CPU in f32:\n\(table)"
  }
}
