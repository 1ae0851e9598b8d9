import Foundation

/// Stopping what runs, after a checkpoint where it makes some: by control-C, by whoever manages the machine, or because
/// the terminal is closed.
public enum Interruption {
  /// SIGUSR1, SIGUSR2 and SIGXCPU are how batch systems announce the end of the time.
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU]

  /// The first signal's number, 0 before. Allocated once, so that the handler does nothing but store.
  nonisolated(unsafe) private static let received: UnsafeMutablePointer<sig_atomic_t> = {
    let flag = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 1)
    flag.initialize(to: 0)
    return flag
  }()

  /// From now on the signals are noted instead of ending the process, except for those that whoever started it wanted
  /// ignored, as `nohup` does. A second SIGINT or SIGTERM ends it at once; of a closed terminal several signals may
  /// tell, and after a batch system's warning comes its SIGTERM.
  public static func watch() {
    received.pointee = 0
    // Whoever started this process may have left them blocked, as threads of Dispatch do.
    var blocked = sigset_t()
    sigemptyset(&blocked)
    for number in signals { sigaddset(&blocked, number) }
    pthread_sigmask(SIG_UNBLOCK, &blocked, nil)
    for number in signals where !isIgnored(number) {
      signal(number) { number in
        let first = Interruption.received.pointee
        if first == SIGINT || first == SIGTERM, number == SIGINT || number == SIGTERM {
          signal(number, SIG_DFL)
          raise(number)
        }
        if first == 0 { Interruption.received.pointee = number }
      }
    }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    let before = signal(number, SIG_IGN)
    signal(number, before)
    return unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// The exit code to end with if a signal has come, such as 130 for SIGINT and 143 for SIGTERM; nil if none has. Loops
  /// ask after each step, and what waits a few times a second.
  public static var exitCode: Int32? {
    @inline(never) get { received.pointee == 0 ? nil : 128 + received.pointee }
  }

  public static var isRequested: Bool { exitCode != nil }

  /// For loops that may take long, each time around.
  /// - Throws: `Interrupted` with `message` if a signal has come.
  package static func check(_ message: @autoclosure () -> String) throws {
    if let exitCode { throw Interrupted(exitCode: exitCode, description: message()) }
  }
}

/// A signal asked what ran to stop, and it did; the description says what became of it.
public struct Interrupted: Error, CustomStringConvertible {
  public let exitCode: Int32
  public let description: String

  package init(exitCode: Int32, description: String) { (self.exitCode, self.description) = (exitCode, description) }
}
