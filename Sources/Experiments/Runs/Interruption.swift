import Foundation

/// Stopping a run by SIGINT (control-C) or SIGTERM after a checkpoint. A second signal ends the process at once.
public enum Interruption {
  /// The first signal's number, 0 before. Allocated once, so that the handler does nothing but store.
  nonisolated(unsafe) private static let received: UnsafeMutablePointer<sig_atomic_t> = {
    let flag = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 1)
    flag.initialize(to: 0)
    return flag
  }()

  /// From now on the signals are noted instead of ending the process.
  public static func watch() {
    received.pointee = 0
    // Whoever started this process may have left them blocked, as threads of Dispatch do.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        if Interruption.received.pointee != 0 {
          signal(number, SIG_DFL)
          raise(number)
        }
        Interruption.received.pointee = number
      }
    }
  }

  /// The exit code to end with if a signal has come: 130 for SIGINT, 143 for SIGTERM, nil if none has. Loops ask after each step.
  public static var exitCode: Int32? {
    @inline(never) get { received.pointee == 0 ? nil : 128 + received.pointee }
  }
}
