import Demonstrations
import Imitation
import Runs
import Settings
import Torch
import WorldModel

/// What a world model dreams where recorded sequences go on, beside what it infers from their true frames: by step and
/// sequence, `[K, B]`.
struct OpenDreams {
  /// 1 up to the end of the sequence's episode, then 0.
  let goesOn: Tensor
  /// Loss of what is seen, as in eq 10, of the dream under the recorded actions, of repeating the last frame seen, and
  /// of the mean of all frames seen.
  let error, stillError, meanError: Tensor
  /// Eq 8 of the last state inferred.
  let stillReward: Tensor
  /// Eq 8 of dreams under the recorded actions, random ones, and each one alone.
  let rewards: [Tensor]
  /// What each kind of actions is called.
  let kinds: [String]
  /// Loss of what is seen of each of them at the last step, `[1, B]`.
  let lastErrors: [Tensor]
  /// Of the inferred states, `[K, B, S·K]`.
  let posteriorLogits, priorLogits: Tensor

  /// - Parameter context: frames of each sequence that are seen before the dreams begin.
  init(
    _ model: WorldModel, _ sequences: SequenceBatch, after context: Int, seed: Seed, _ precision: Precision
  ) {
    let (batch, later) = (sequences.batch, context..<sequences.length)
    let shape = [later.count, batch]
    let random = { (name: String) in RandomSource(seed.stream(name), on: model.device) }
    let constants = model.actions.constants(shape, on: model.device)
    kinds = ["recorded", "random"] + constants.map(\.name)
    (goesOn, error, stillError, meanError, stillReward, rewards, lastErrors, posteriorLogits, priorLogits) = noGrad {
      computing(in: precision, on: model.device) {
        let inference = model.infer(sequences, draw: .sample(random("posterior")))
        let observed = inference.observed
        let (truth, last) = (inference.states.sliced(later).features.to(.float32), inference.states[context - 1])

        // What counts no more, from the first frame of another episode on, has no action that led to it.
        let recorded = sequences.actions(to: later, in: model.actions, on: model.device)
        let anything = model.actions.uniform(shape, using: random("actions"))
        // One noise for all, so that they differ by their actions alone.
        let dreams = ([recorded, anything] + constants.map(\.actions)).map {
          Imagination(model, precision).rollout(from: last, following: $0, using: random("noise")).reached
        }
        let error = { (states: LatentState, range: Range<Int>) in
          observed[later][range].error(of: model.decode(states.sliced(range)))
        }
        return (
          Tensor(sequences.goesOn(from: context), shape, on: model.device),
          error(dreams[0], 0..<later.count), observed[later].error(of: observed[context - 1].asDecoded),
          observed[later].error(of: observed[0..<context].flattened(first: 2).map { $0.mean(over: 0) }.asDecoded),
          latentReward(expert: truth, learner: last.features.to(.float32)),
          dreams.map { latentReward(expert: truth, learner: $0.features.to(.float32)) },
          dreams.map { error($0, later.count - 1..<later.count) }, inference.posteriorLogits.sliced(later),
          inference.priorLogits.sliced(later)
        )
      }
    }
  }

  /// Side by side.
  init(joining parts: [OpenDreams]) {
    let joined = { (part: (OpenDreams) -> Tensor) in concatenated(parts.map(part), axis: 1) }
    (goesOn, error, stillError, meanError, stillReward) = (
      joined(\.goesOn), joined(\.error), joined(\.stillError), joined(\.meanError), joined(\.stillReward)
    )
    kinds = parts[0].kinds
    rewards = parts[0].rewards.indices.map { kind in joined { $0.rewards[kind] } }
    lastErrors = parts[0].lastErrors.indices.map { kind in joined { $0.lastErrors[kind] } }
    (posteriorLogits, priorLogits) = (joined(\.posteriorLogits), joined(\.priorLogits))
  }

  /// Sequences that go on, by step.
  /// - Throws: `ImitationError.episodesTooShort` where none does so to the last.
  func counts() throws -> [Int] {
    let counts = goesOn.sum(over: 1).values(as: Double.self).map { Int($0) }
    let longest = counts.count { $0 > 0 }
    guard longest == counts.count else {
      throw ImitationError.episodesTooShort(required: counts.count, longest: longest)
    }
    return counts
  }

  /// The means of values `[K, B]` over sequences that go on, by step.
  func means(_ values: Tensor) -> [Double] { ((values * goesOn).sum(over: 1) / goesOn.sum(over: 1)).values() }

  var answers: [WorldModelStudy.Answer] {
    let last = goesOn.shape[0] - 1
    let counted: [Float] = goesOn[last].values()
    // Of sequences that go on to the last step.
    let counting = { (values: Tensor) in
      zip(values.values(as: Float.self), counted).filter { $0.1 > 0 }.map { Double($0.0) }
    }
    let (lastRewards, errors) = (rewards.map { counting($0[last]) }, lastErrors.map(counting))
    let separation = { (a: [Double], b: [Double]) in zip(a, b).map { $0 > $1 ? 1 : $0 == $1 ? 0.5 : 0 }.mean }
    return kinds.indices.map { kind in
      WorldModelStudy.Answer(
        actions: kinds[kind], reward: means(rewards[kind]), separation: separation(lastRewards[0], lastRewards[kind]),
        error: errors[kind].mean, errorSeparation: separation(errors[kind], errors[0]))
    }
  }
}
