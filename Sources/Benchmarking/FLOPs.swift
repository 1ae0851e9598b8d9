import Imitation
import WorldModel

/// Floating-point operations of matrix products and convolutions, counted from the layers' sizes: a product of `[M, K]`
/// and `[K, N]` is 2 M K N, a convolution the same with K = kernel² × input channels per output pixel. A backward pass
/// is twice the forward one. What else there is (activations, normalisation, distributions, the optimiser) is not
/// counted, though it takes time. Formulas: docs/performance.md.
struct FLOPs {
  let sizes: LatentSizes
  let frame: FrameShape
  let actions: Int

  private var embedding: Int { frame.embeddingSize(depth: sizes.depth) }

  /// One frame to its embedding.
  var encoder: Double {
    frame.encoderLayers(depth: sizes.depth).reduce(0) {
      $0 + product($1.height * $1.width, $1.kernel * $1.kernel * $1.inputs, $1.outputs)
    }
  }

  /// One state to its frame.
  var decoder: Double {
    var (pixels, total) = (frame.decoderPixels(depth: sizes.depth), product(1, sizes.features, embedding))
    for layer in frame.decoderLayers(depth: sizes.depth) {
      total += product(pixels, layer.inputs, layer.kernel * layer.kernel * layer.outputs)
      pixels = layer.height * layer.width
    }
    return total
  }

  /// One step of the recurrence.
  var recurrence: Double {
    product(1, sizes.stochastic + actions, sizes.hidden)
      + product(1, sizes.hidden + sizes.deterministic, 3 * sizes.deterministic)
  }
  var prior: Double { product(1, sizes.deterministic, sizes.hidden) + product(1, sizes.hidden, sizes.stochastic) }
  var posterior: Double {
    product(1, sizes.deterministic + embedding, sizes.hidden) + product(1, sizes.hidden, sizes.stochastic)
  }

  /// One frame to its latent state.
  var filtering: Double { encoder + recurrence + posterior }
  /// One gradient step on so many frames.
  func worldModelStep(frames: Int) -> Double { 3 * Double(frames) * (filtering + prior + decoder) }

  /// One state through the actor, or a critic.
  func policy(_ policy: PolicySizes, outputs: Int) -> Double {
    guard policy.hiddenLayers > 0 else { return product(1, sizes.features, outputs) }
    return product(1, sizes.features, policy.width) + Double(policy.hiddenLayers - 1)
      * product(1, policy.width, policy.width)
      + product(1, policy.width, outputs)
  }
  /// One DITTO update: a dream, the target critic on all of its states, and for each gradient step actor and critic
  /// forward and backward on all but the last, on which the actor is also compared with the clone that it began as.
  func agentStep(_ c: ImitationConfiguration) -> Double {
    let (actor, critic) = (policy(c.policy, outputs: actions), policy(c.policy, outputs: 1))
    let dreamed = Double(c.batch * c.horizon)
    let clone = c.warmStart.cloningSteps > 0 ? actor : 0
    let step = 3 * actor + 3 * critic + clone + (c.cloningWeight > 0 ? 3 * actor : 0)
    return dreamed * (recurrence + prior + actor + Double(c.gradientSteps) * step)
      + (dreamed + Double(c.batch)) * critic
  }

  private func product(_ rows: Int, _ inner: Int, _ columns: Int) -> Double {
    2 * Double(rows) * Double(inner) * Double(columns)
  }
}
