import Settings
import Spaces
import Torch
import WorldModel

/// Rolls policies out in a frozen world model's prior dynamics.
public struct Dreamer {
  public let worldModel: WorldModel
  let precision: Precision

  public init(_ worldModel: WorldModel, _ precision: Precision = .f32) {
    (self.worldModel, self.precision) = (worldModel, precision)
  }

  public var device: Device { worldModel.device }
  public var actions: ActionSpace { worldModel.actions }

  /// Under a policy. Source: DITTO, Algorithm 1, line 11.
  /// - Parameter noise: of the model's transitions; nil for draws from `random`.
  public func dream(
    from start: LatentState, steps: Int, choosing choice: ActionChoice = .sampled, using random: RandomSource,
    noise: SharedNoise? = nil,
    policy: @escaping (Tensor) -> ActionDistribution
  ) -> Dream {
    dream(from: start, steps: steps, random, noise) { features, _ in
      policy(features).drawn(choice == .best ? .mode : .sample(random))
    }
  }

  /// Under given actions, `[steps, B, W]`: what a dream can know of them.
  public func dream(
    from start: LatentState, following actions: Tensor, using random: RandomSource, noise: SharedNoise? = nil
  ) -> Dream {
    dream(from: start, steps: actions.shape[0], random, noise) { _, step in actions[step] }
  }

  private func dream(
    from start: LatentState, steps: Int, _ random: RandomSource, _ noise: SharedNoise?, policy: (Tensor, Int) -> Tensor
  ) -> Dream {
    computing(in: precision, on: device) {
      Dream(
        from: start, steps: steps, policy: policy,
        dynamics: { state, action in
          let draw =
            noise.map { Draw.clocks($0.clocks(worldModel.sizes, batch: state.deterministic.shape[0])) }
            ?? .sample(random)
          return worldModel.rssm.imagine(from: state, action: actions.encoded(action), draw: draw).state
        })
    }
  }
}

/// Noise of a model's transitions that the dreams of a window share. Two of one seed give the same, step by step.
public struct SharedNoise {
  private let random: RandomSource
  private let dreamsPerWindow: Int

  public init(_ seed: Seed, dreamsPerWindow: Int, on device: Device) {
    (random, self.dreamsPerWindow) = (RandomSource(seed, on: device), dreamsPerWindow)
  }

  /// Exponential noise for the next step's classes, `[batch, S, K]`.
  func clocks(_ sizes: LatentSizes, batch: Int) -> Tensor {
    let own = Tensor.exponential([batch / dreamsPerWindow, sizes.groups, sizes.classes], using: random)
    guard dreamsPerWindow > 1 else { return own }
    return own.reshaped(own.shape[0], 1, sizes.groups, sizes.classes)
      .expanded([own.shape[0], dreamsPerWindow, sizes.groups, sizes.classes]).reshaped(
        batch, sizes.groups, sizes.classes)
  }
}
