import Imitation
import WorldModel

/// Floating-point operations of matrix products and convolutions, counted from the layers' sizes: a product of `[M, K]` and `[K, N]` is 2 M K N, a
/// convolution the same with K = kernel² × input channels per output pixel. A backward pass is twice the forward one. What else there is
/// (activations, normalisation, distributions, the optimiser) is not counted, though it takes time. Formulas: docs/performance.md.
struct ArithmeticWork {
  let sizes: LatentSizes
  let frame: FrameShape
  let actions: Int

  /// Kernel sizes of stride-2 layers, from the frame inwards and from the inside out.
  private var decoderKernels: [Int] { frame.side == 64 ? [5, 5, 6, 6] : [5, 6, 6] }
  private var encoderLayers: Int { frame.side == 64 ? 4 : 3 }
  private var embedding: Int { 4 * sizes.depth << (encoderLayers - 1) }

  /// One frame to its embedding.
  var encoder: Double {
    var (side, channels, total) = (frame.side, frame.channels, 0.0)
    for layer in 0..<encoderLayers {
      let outputs = sizes.depth << layer
      side = (side - 4) / 2 + 1
      total += product(side * side, 16 * channels, outputs)
      channels = outputs
    }
    return total
  }

  /// One state to its frame.
  var decoder: Double {
    let width = sizes.depth << (decoderKernels.count - 1)
    var (side, channels, total) = (1, 4 * width, product(1, sizes.features, 4 * width))
    for (layer, kernel) in decoderKernels.enumerated() {
      let outputs = layer == decoderKernels.count - 1 ? frame.channels : width >> (layer + 1)
      total += product(side * side, channels, kernel * kernel * outputs)
      side = (side - 1) * 2 + kernel
      channels = outputs
    }
    return total
  }

  /// One step of the recurrence.
  var recurrence: Double {
    product(1, sizes.stochastic + actions, sizes.hidden) + product(1, sizes.hidden + sizes.deterministic, 3 * sizes.deterministic)
  }
  var prior: Double { product(1, sizes.deterministic, sizes.hidden) + product(1, sizes.hidden, sizes.stochastic) }
  var posterior: Double { product(1, sizes.deterministic + embedding, sizes.hidden) + product(1, sizes.hidden, sizes.stochastic) }

  /// One frame to its latent state.
  var filtering: Double { encoder + recurrence + posterior }
  /// One gradient step on so many frames.
  func worldModelStep(frames: Int) -> Double { 3 * Double(frames) * (filtering + prior + decoder) }

  /// One state through the actor, or a critic.
  func policy(_ policy: PolicySizes, outputs: Int) -> Double {
    guard policy.hiddenLayers > 0 else { return product(1, sizes.features, outputs) }
    return product(1, sizes.features, policy.width) + Double(policy.hiddenLayers - 1) * product(1, policy.width, policy.width)
      + product(1, policy.width, outputs)
  }
  /// One DITTO update: a dream, the target critic on all of its states, actor and critic forward and backward on all but the last.
  func agentStep(_ c: ImitationConfiguration) -> Double {
    let (actor, critic) = (policy(c.policy, outputs: actions), policy(c.policy, outputs: 1))
    let dreamed = Double(c.batch * c.horizon)
    return dreamed * (recurrence + prior + actor + 3 * actor + 3 * critic) + (dreamed + Double(c.batch)) * critic
  }

  private func product(_ rows: Int, _ inner: Int, _ columns: Int) -> Double { 2 * Double(rows) * Double(inner) * Double(columns) }
}
