import Torch

/// Where a policy goes in the model's dynamics, from given states. No gradient flows through a dream.
public struct Rollout {
  /// `[H + 1, B, …]`: the start, then the state after each action.
  public let states: LatentState
  /// `[H, B, W]`: the action taken in each state but the last.
  public let actions: Tensor

  /// The state after each action, `[H, B, …]`.
  public var reached: LatentState { states.sliced(1..<actions.shape[0] + 1) }

  public init(states: LatentState, actions: Tensor) { (self.states, self.actions) = (states, actions) }

  /// Source: DITTO, Algorithm 1, line 11.
  /// - Parameters:
  ///   - start: `[B, …]`.
  ///   - policy: features `[B, D + S·K]` and the step's index to actions, `[B]` or `[B, A]`.
  ///   - dynamics: a state and its actions `[B]` to the next state.
  public init(
    from start: LatentState, steps: Int, policy: (Tensor, Int) -> Tensor, dynamics: (LatentState, Tensor) -> LatentState
  ) {
    var (states, actions) = ([start.detached()], [Tensor]())
    noGrad {
      for step in 0..<steps {
        actions.append(policy(states[step].features, step))
        states.append(dynamics(states[step], actions[step]))
      }
    }
    self.states = LatentState(
      deterministic: stacked(states.map(\.deterministic)), stochastic: stacked(states.map(\.stochastic)))
    self.actions = stacked(actions)
  }
}
