import Foundation
import Spaces

/// Says once in a run that learning has gone wrong, in a way that does not stop it.
struct Alarm: Sendable {
  let metric: String
  /// Gradient steps before which it is still to be expected.
  var after = 0
  let isReached: @Sendable (Double) -> Bool
  let warning: String

  /// D-GAIL, and others with a discriminator. `discriminator/collapsed` is 1 or 0.
  static let discriminator = Alarm(
    metric: "discriminator/collapsed", isReached: { $0 == 1 },
    warning:
      "the discriminator tells nearly all dreams from the expert, and what it rewards says next to nothing; see discriminator/* in the metrics, and docs/methods/dgail.md"
  )

  /// A policy that is learned by what it tries, and tries nothing any more: one action nearly always, or numbers within
  /// about 1 % of their range.
  static func entropy(of actions: ActionSpace) -> Alarm {
    let least = 0.01 * actions.classCounts.reduce(0) { $0 + log(Double($1)) } - 3.2 * Double(actions.low.count)
    return Alarm(
      metric: "actor/entropy", isReached: { $0 < least },
      warning:
        "the policy has next to no entropy: it does nearly always the same and explores no more; raise imitation.entropyWeight, lower imitation.actor.learningRate, or, where it is the clone that is so certain, begin with random weights (--config scratch)"
    )
  }

  /// A latent state that says nothing of what is seen. A world that can be foreseen looks like it too.
  static let posterior = Alarm(
    metric: "loss/kl_nats", after: 500, isReached: { $0 < 0.05 },
    warning:
      "the posterior says next to nothing that the prior does not expect: either all of it can be foreseen, or the latent state is not used; lower loss.klWeight, or take pixels.scaling=perPixel; 'ditto study world-model' tells them apart"
  )
}
