import Spaces

/// What can go wrong with an environment. `environment` is the name it was asked for, such as `gym:CartPole-v1`.
public enum EnvironmentError: Error, Equatable, CustomStringConvertible {
  case unknownEnvironment(String)
  case wrongPipeline(environment: String, kind: PixelPipeline.Kind, supported: [PixelPipeline.Kind])
  case unsupportedSize(environment: String, size: Int, supported: [Int])
  case tooFewSlots(Int)
  case unknownSlot(Int, slots: Int)
  case notRunning(slot: Int)
  case wrongAction(slot: Int, action: Action, actions: ActionSpace)
  case noPython(String)
  case missingPackage(environment: String, package: String, python: String)
  case refused(environment: String, reason: String)
  case workerEnded(environment: String, how: String, lastLines: String)
  case workerSilent(environment: String, timeout: Duration, lastLines: String)
  case wrongReply(environment: String, expectedBytes: Int, foundBytes: Int)
  case closed(environment: String)
  case stopped(environment: String)

  public var description: String {
    switch self {
    case .unknownEnvironment(let name):
      "unknown environment '\(name)'; there are 'road' (built in) and 'gym:ID' for any Gymnasium ID, "
        + "such as gym:CartPole-v1"
    case .wrongPipeline(let environment, let kind, let supported):
      "\(environment): the pixel pipeline's kind is '\(kind.rawValue)'; set it to "
        + supported.map(\.rawValue).joined(separator: " or ")
    case .unsupportedSize(let environment, let size, let supported):
      "\(environment): the pixel pipeline's size is \(size); set it to "
        + supported.map(String.init).joined(separator: " or ")
    case .tooFewSlots(let slots):
      "an environment was asked for \(slots) slots; ask for at least 1"
    case .unknownSlot(let slot, let slots):
      "slot \(slot) does not exist; the environment was made with slots 0..<\(slots)"
    case .notRunning(let slot):
      "slot \(slot) has no running episode; reset it before the next step"
    case .wrongAction(let slot, let action, let actions):
      "slot \(slot): action \(action) does not exist; there are \(actions)"
    case .noPython(let reason):
      "no Python for the Gymnasium environments: \(reason); install python3, or set DITTO_PYTHON to an interpreter"
    case .missingPackage(let environment, let package, let python):
      "\(environment): \(python) lacks a package; run '\(python) -m pip install \"\(package)\"', "
        + "or set DITTO_PYTHON to an interpreter that has it"
    case .refused(let environment, let reason):
      "\(environment): \(reason)"
    case .workerEnded(let environment, let how, let lastLines):
      "\(environment): the Python worker ended (\(how)); its last lines: \(lastLines)"
    case .workerSilent(let environment, let timeout, let lastLines):
      "\(environment): the Python worker did not answer within \(timeout) and was stopped; --patience lets it take longer, --instances makes fewer of it; its last lines: \(lastLines)"
    case .wrongReply(let environment, let expected, let found):
      "\(environment): the Python worker answered \(found) bytes, expected \(expected); is its gymnasium 1.0 or newer?"
    case .closed(let environment):
      "\(environment): used after close(); make a new environment"
    case .stopped(let environment):
      "\(environment): was stopped while it was waited for"
    }
  }
}
