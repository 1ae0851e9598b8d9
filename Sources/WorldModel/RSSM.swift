import Torch

/// Predicts class logits of `z` from the recurrent state, without the frame: the prior `p(ẑ | h)` of eq 9.
final class PriorHead: Module {
  let hidden: Linear
  let norm: LayerNorm
  let logits: Linear

  init(_ sizes: LatentSizes, using random: RandomSource) {
    hidden = Linear(sizes.deterministic, sizes.hidden, using: random)
    norm = LayerNorm(sizes.hidden, on: random.device)
    logits = Linear(sizes.hidden, sizes.stochastic, using: random)
  }

  /// `h` `[…, D]` to unnormalised log-probabilities `[…, S·K]`.
  func callAsFunction(_ h: Tensor) -> Tensor { logits(elu(norm(hidden(h)))) }
}

/// Predicts class logits of `z` from the recurrent state and the frame: the posterior `q(z | h, x)` of eq 9.
final class PosteriorHead: Module {
  let hidden: Linear
  let hiddenOfEmbedding: Linear
  let norm: LayerNorm
  let logits: Linear

  init(_ sizes: LatentSizes, embedding: Int, using random: RandomSource) {
    hidden = Linear(sizes.deterministic, sizes.hidden, using: random)
    hiddenOfEmbedding = Linear(embedding, sizes.hidden, bias: false, using: random)
    norm = LayerNorm(sizes.hidden, on: random.device)
    logits = Linear(sizes.hidden, sizes.stochastic, using: random)
  }

  /// `h` `[B, D]` and the frame's share of the hidden layer `[B, N]` to unnormalised log-probabilities `[B, S·K]`.
  func callAsFunction(_ h: Tensor, _ embedded: Tensor) -> Tensor { logits(elu(norm(hidden(h) + embedded))) }
}

/// The recurrent state-space model. Source: DITTO, eq 9.
final class RSSM: Module {
  let sizes: LatentSizes
  let stochasticInput: SparseLinear
  let actionInput: Linear
  let inputNorm: LayerNorm
  let recurrence: GRUCell
  let prior: PriorHead
  let posterior: PosteriorHead

  init(_ sizes: LatentSizes, actions: Int, embedding: Int, using random: RandomSource) {
    self.sizes = sizes
    stochasticInput = SparseLinear(sizes.stochastic, sizes.hidden, using: random)
    actionInput = Linear(actions, sizes.hidden, bias: false, using: random)
    inputNorm = LayerNorm(sizes.hidden, on: random.device)
    recurrence = GRUCell(sizes.hidden, sizes.deterministic, using: random)
    prior = PriorHead(sizes, using: random)
    posterior = PosteriorHead(sizes, embedding: embedding, using: random)
  }

  /// The S categorical distributions of `z` behind logits `[…, S·K]`.
  func classes(_ logits: Tensor) -> Categorical {
    Categorical(logits: logits.reshaped(logits.shape.dropLast() + [sizes.groups, sizes.classes]))
  }

  private func sampled(_ logits: Tensor, _ draw: Sampling) -> Tensor {
    classes(logits).straightThrough(draw).reshaped(logits.shape)
  }

  /// `h_t = f(ŝ_{t−1}, a_{t−1})`, with the action's share of the input `[B, N]` given.
  private func step(_ state: LatentState, _ actionShare: Tensor) -> Tensor {
    recurrence(elu(inputNorm(stochasticInput(state.stochastic) + actionShare)), state.deterministic)
  }

  /// `h` `[T, B, D]` with posterior draws `z` `[T, B, S·K]`, and the unnormalised log-probabilities of those.
  typealias Inferred = (states: LatentState, posteriorLogits: Tensor)

  /// Infers the states of recorded sequences.
  /// - Parameters:
  ///   - embedding: `[T, B, E]`.
  ///   - previousAction: `[T, B, A]`, one-hot or in −1…1: the action that led to each frame, zeros where there was
  ///     none.
  ///   - isFirst: `[T · B]`, time first: whether the incoming state is forgotten before the step.
  ///   - start: the state before the first step, `[B, …]`.
  func infer(embedding: Tensor, previousAction: Tensor, isFirst: [Bool], from start: LatentState, draw: Sampling)
    -> Inferred
  {
    let (steps, batch) = (embedding.shape[0], embedding.shape[1])
    // Only h and z must be computed step by step; everything else is one large product over all steps.
    let (actionShares, embedded) = (actionInput(previousAction), posterior.hiddenOfEmbedding(embedding))
    let notFirst =
      isFirst.contains(true)
      ? Tensor(isFirst.map { $0 ? Float(0) : 1 }, [steps, batch, 1], on: embedding.device).to(start.deterministic.type)
      : nil
    guard steps == 1 else { return unrollSequence(actionShares, embedded, notFirst, start, draw) }
    let h = step(notFirst.map { start.masked(by: $0[0]) } ?? start, actionShares[0])
    let logits = posterior(h, embedded[0])
    let z = sampled(logits, draw)
    return (LatentState(deterministic: stacked([h]), stochastic: stacked([z])), stacked([logits]))
  }

  /// Many such steps, with the way back written by hand: see `Unroll.cpp`.
  private func unrollSequence(
    _ actionShares: Tensor, _ embedded: Tensor, _ notFirst: Tensor?, _ start: LatentState, _ draw: Sampling
  ) -> Inferred {
    let shape = [actionShares.shape[0], actionShares.shape[1], sizes.groups, sizes.classes]
    let (h, z, logits) = unroll(
      recurrence, stochastic: stochasticInput, inputNorm, hidden: posterior.hidden, posterior.norm,
      logits: posterior.logits,
      actionShares: actionShares, embedded: embedded, notFirst: notFirst,
      exponentialNoise: draw.exponentialNoise(shape), h: start.deterministic,
      z: start.stochastic,
      groups: sizes.groups)
    return (LatentState(deterministic: h, stochastic: z), logits)
  }

  /// One step in the prior dynamics, without a frame.
  /// - Parameter action: `[B, A]`, one-hot or in −1…1: the action taken in `state`.
  /// - Returns: the next state and the prior's logits `[B, S·K]`.
  func imagine(from state: LatentState, action: Tensor, draw: Sampling) -> (state: LatentState, logits: Tensor) {
    let h = step(state, actionInput(action))
    let logits = prior(h)
    return (LatentState(deterministic: h, stochastic: sampled(logits, draw)), logits)
  }
}
