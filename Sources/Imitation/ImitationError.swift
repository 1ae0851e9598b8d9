public enum ImitationError: Error, Equatable, CustomStringConvertible {
  case episodesTooShort(required: Int, longest: Int)
  case tooFewWindows(required: Int, found: Int, horizon: Int)
  case tooFewParts(members: Int, found: Int, windowSteps: Int)
  case wrongFrame(expected: Int, found: Int)
  case notFinite(episode: Int, step: Int)

  public var description: String {
    switch self {
    case .episodesTooShort(let required, let longest):
      "no episode has \(required) steps (the longest has \(longest)); lower the horizon (imitation.horizon, --steps) or use longer episodes"
    case .tooFewWindows(let required, let found, let horizon):
      "the expert's episodes have \(found) windows of \(horizon) steps, a discriminator needs \(required) to learn from; use more episodes, or lower imitation.horizon"
    case .tooFewParts(let members, let found, let windowSteps):
      """
      an ensemble of \(members) policies needs as many episodes or windows of \(windowSteps) steps, the expert has \(found); use more episodes, or lower \
      imitation.reward.dril.members
      """
    case .wrongFrame(let expected, let found):
      "a frame has \(found) bytes, the agent takes \(expected); give it the raw pixels it was trained on"
    case .notFinite(let episode, let step):
      "episode \(episode), step \(step): the observed vector has a number that is not finite; give the agent what it was trained on"
    }
  }
}
