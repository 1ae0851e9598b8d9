import Spaces
import Torch
import WorldModel

/// Rolls policies out in a frozen world model's prior dynamics.
public struct Dreamer {
  public let worldModel: WorldModel
  let precision: Precision

  public init(_ worldModel: WorldModel, _ precision: Precision = .f32) { (self.worldModel, self.precision) = (worldModel, precision) }

  public var device: Device { worldModel.device }
  public var actions: ActionSpace { worldModel.actions }

  /// Under a policy. Source: DITTO, Algorithm 1, line 11.
  public func dream(
    from start: LatentState, steps: Int, choosing choice: ActionChoice = .sampled, using random: RandomSource, policy: @escaping (Tensor) -> any Distribution
  ) -> Dream {
    dream(from: start, steps: steps, random) { features, _ in policy(features).drawn(choice == .best ? .mode : .sample(random)) }
  }

  /// Under given actions, `[steps, B]` or `[steps, B, A]`: what a dream can know of them.
  public func dream(from start: LatentState, following actions: Tensor, using random: RandomSource) -> Dream {
    dream(from: start, steps: actions.shape[0], random) { _, step in actions[step] }
  }

  private func dream(from start: LatentState, steps: Int, _ random: RandomSource, policy: (Tensor, Int) -> Tensor) -> Dream {
    computing(in: precision, on: device) {
      Dream(
        from: start, steps: steps, policy: policy,
        dynamics: { worldModel.rssm.imagine(from: $0, action: actions.encoded($1), draw: .sample(random)).state })
    }
  }
}
