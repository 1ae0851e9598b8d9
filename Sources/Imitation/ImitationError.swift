public enum ImitationError: Error, Equatable, CustomStringConvertible {
  case episodesTooShort(required: Int, longest: Int)
  case wrongFrame(expected: Int, found: Int)

  public var description: String {
    switch self {
    case .episodesTooShort(let required, let longest):
      "no episode has \(required) steps (the longest has \(longest)); lower the horizon (imitation.horizon, --steps) or use longer episodes"
    case .wrongFrame(let expected, let found):
      "a frame has \(found) bytes, the agent takes \(expected); give it the raw pixels it was trained on"
    }
  }
}
