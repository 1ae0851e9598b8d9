import Foundation
import Imitation
import Runs
import Settings
import Spaces
import Torch
import WorldModel

/// What learners and agents compute on a device. Draws of the CPU and of a card differ: what depends on them is
/// compared with the same once more.
extension DeviceParity {
  private static let (count, horizon, windows) = (80, 4, 16)

  private static func latents(on device: Device, _ actions: ActionSpace) -> ExpertLatents {
    let random = RandomSource(Seed(7))
    return ExpertLatents(
      deterministic: tanh(.normal([count, 64], using: random)).to(device),
      classes: (Tensor.uniform([count, 8], using: random) * 8).to(.uint8).to(device),
      actions: actions.uniform([count], using: random).to(device), lengths: [count / 2, count / 2], classCount: 8)
  }

  private static func learner(_ model: WorldModel, _ kind: RewardKind, _ precision: Precision) throws -> DITTO {
    var c = ImitationConfiguration()
    (c.horizon, c.batch, c.reward.weights[.dot]) = (horizon, windows, 0)
    c.warmStart.cloningSteps = 0
    (c.reward.red.steps, c.reward.dril.steps, c.reward.dril.members) = (2, 2, 2)
    c.reward.weights[kind] = 1
    return try DITTO(model, c, expert: latents(on: model.device, model.actions), precision, seed: Seed(8))
  }

  private static func cloner(_ model: WorldModel, drawing: Bool) throws -> DBC {
    var c = CloningConfiguration()
    c.batch = windows
    if !drawing { (c.noise, c.dropout) = (0, 0) }
    return try DBC(model, c, PolicySizes(), expert: latents(on: model.device, model.actions), seed: Seed(8))
  }

  /// What an agent does in a few steps, in numbers.
  private static func acted(_ model: WorldModel, _ networks: ActorCritic, _ precision: Precision) throws -> Tensor {
    let agent = Agent(model, networks.actor, choosing: .best, precision, seed: Seed(9))
    let actions = try (1...3).map { shade in
      try agent.act(on: (0..<side * side).map { UInt8(truncatingIfNeeded: $0 * shade) })
    }
    return model.actions.rows(actions, on: .cpu)
  }

  /// Learners that draw nothing but their first weights.
  struct Learners {
    let rewards: [DITTO]
    let cloner: DBC

    /// - Parameter other: whose weights they have; nil for their own.
    init(_ model: WorldModel, like other: Learners? = nil) throws {
      rewards = try [.dot, .l2, .cosine, .nearest, .sparse, .gail, .airl].map { try learner(model, $0, .f32) }
      cloner = try DeviceParity.cloner(model, drawing: false)
      guard let other else { return }
      for (learner, other) in zip(rewards, other.rewards) { try restore(learner, as: other) }
      try restore(cloner, as: other.cloner)
    }
  }

  /// What rewards say of a given dream, the losses of those that learn, a cloner's first step, and actions.
  static func results(_ learners: Learners, _ model: WorldModel, _ networks: ActorCritic) throws -> [(
    what: String, tensors: [Tensor]
  )] {
    let (device, expert) = (model.device, latents(on: model.device, model.actions))
    let window = { (first: Int) in
      let places = (0...horizon).flatMap { step in (0..<windows).map { Int64(first + step + $0) } }
      let indices = Tensor(places, [horizon + 1, windows], on: device)
      return LatentWindows(
        states: expert.states(at: indices),
        actions: expert.actions.taking(indices.dropLast().reshaped(-1)).unflattened([horizon, windows]))
    }
    let (recorded, other) = (window(0), window(count / 2))
    var step = 0
    let dream = Rollout(from: other.states[0], steps: horizon, policy: { other.actions[$1] }) { _, _ in
      step += 1
      return other.states[step]
    }
    let cloned = learners.cloner.update(step: 0, progress: 0)
    return [
      ("each reward", learners.rewards.map { $0.reward(recorded, dream) }),
      (
        "discriminators",
        learners.rewards.compactMap { $0.reward.update(recorded, dream, progress: 0)["discriminator/loss"] }
      ),
      ("cloning", [cloned["actor/loss"]!]), ("gradients of cloning", [cloned["actor/gradient_norm"]!]),
      ("actions", [try acted(model, networks, .f32)]),
    ]
  }

  /// After two updates by each reward and of a cloner, their metrics and policies; and actions.
  static func updated(_ model: WorldModel, _ networks: ActorCritic, by kinds: [RewardKind], _ precision: Precision)
    throws -> [Tensor]
  {
    let learners: [any LatentLearner] =
      try kinds.map { try learner(model, $0, precision) } + [cloner(model, drawing: true)]
    return try learners.flatMap { learner in
      (0..<2).flatMap { learner.update(step: $0, progress: 0).sorted { $0.key < $1.key }.map(\.value) }
        + learner.actor.parameters.map { $0.detached() }
    } + [acted(model, networks, precision)]
  }

  private static func restore(_ learner: any LatentLearner, as other: any LatentLearner) throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "ditto-parity-\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    try AtomicFile.write(Safetensors.pieces(of: other.state), to: file)
    try learner.restore(from: Safetensors(at: file))
  }
}
