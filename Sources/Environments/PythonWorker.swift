import Foundation

/// A Python process that answers requests, one at a time.
///
/// Both directions go through one socket, the process's standard input; messages are a little-endian `UInt32` length
/// and that many bytes. What Python prints is kept, the last few lines, for when it fails. Sends never raise `SIGPIPE`,
/// waits always end, and the process is gone and reaped once this object is closed, freed, or has thrown. Should this
/// process die instead, the socket closes with it, and that ends Python.
final class PythonWorker {
  let processIdentifier: pid_t
  /// The longest wait for a reply.
  var timeout: Duration

  private let environment: String
  /// Whether to wait no longer.
  private let isStopped: () -> Bool
  private let socket: Int32
  /// The reading end of Python's standard output and error; −1 once Python has closed its own.
  private var output: Int32
  private var lastOutput: [UInt8] = []
  /// Why no more requests can be made.
  private var ending: EnvironmentError?

  /// Starts Python.
  /// - Parameters:
  ///   - environment: the name to use in errors.
  ///   - python: path of the interpreter.
  ///   - script: source text to run.
  ///   - argument: the script's only argument.
  ///   - timeout: the longest wait for a reply.
  ///   - isStopped: is asked a few times a second, while a reply is waited for, whether to give up.
  init(
    environment: String, python: String, script: String, argument: String, timeout: Duration,
    unless isStopped: @escaping () -> Bool = { false }
  ) throws {
    let requests = try Self.channel(environment)
    let prints = try Self.channel(environment)
    defer { [requests.theirs, prints.theirs].forEach { Glibc.close($0) } }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, requests.theirs, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, prints.theirs, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, prints.theirs, STDERR_FILENO)
    let words: [String] = [python, "-u", "-c", script, argument]
    let arguments = words.map { strdup($0) }
    defer { arguments.forEach { free($0) } }
    var identifier: pid_t = 0
    // A group of its own, so that what it starts ends with it.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let failure = posix_spawn(&identifier, python, &actions, &attributes, arguments + [nil], environ)
    guard failure == 0 else {
      [requests.ours, prints.ours].forEach { Glibc.close($0) }
      throw EnvironmentError.noPython("\(python) does not start: \(String(cString: strerror(failure)))")
    }

    processIdentifier = identifier
    socket = requests.ours
    output = prints.ours
    self.environment = environment
    self.timeout = timeout
    self.isStopped = isStopped
  }

  /// A pair of sockets that only we inherit; ours does not block.
  private static func channel(_ environment: String) throws -> (ours: Int32, theirs: Int32) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      let reason = "cannot open a channel to Python: \(String(cString: strerror(errno)))"
      throw EnvironmentError.refused(environment: environment, reason: reason)
    }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    return (ends[0], ends[1])
  }

  deinit { close() }

  /// Ends Python: gives it two seconds to leave by itself, then kills it.
  func close() {
    guard ending == nil else { return }
    ending = .closed(environment: environment)
    stop(grace: .seconds(2))
  }

  /// Sends `request`, or nothing to await Python's first message, and returns the answer.
  func reply(to request: [UInt8]?) throws -> [UInt8] {
    if let ending { throw ending }
    let deadline = ContinuousClock.now + timeout
    if let request { try send(bytes(UInt32(request.count)) + request, until: deadline) }
    let length = try receive(4, until: deadline).withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    return try receive(Int(UInt32(littleEndian: length)), until: deadline)
  }

  private func send(_ message: [UInt8], until deadline: ContinuousClock.Instant) throws {
    var sent = 0
    while sent < message.count {
      let count = message[sent...].withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 { sent += count } else { try wait(for: POLLOUT, after: errno, until: deadline) }
    }
  }

  private func receive(_ count: Int, until deadline: ContinuousClock.Instant) throws -> [UInt8] {
    var message = [UInt8](repeating: 0, count: count)
    var received = 0
    while received < count {
      let more = message.withUnsafeMutableBytes { recv(socket, $0.baseAddress! + received, count - received, 0) }
      if more > 0 { received += more } else { try wait(for: POLLIN, after: more < 0 ? errno : EPIPE, until: deadline) }
    }
    return message
  }

  /// Returns when it is worth trying again after a call on the socket failed with `error`, and throws if it never will
  /// be.
  private func wait(for event: Int32, after error: Int32, until deadline: ContinuousClock.Instant) throws {
    guard error == EAGAIN || error == EINTR else {
      let how = stop(grace: .seconds(2))
      throw fail(.workerEnded(environment: environment, how: how, lastLines: lastLines))
    }
    while !poll(for: event, until: min(deadline, .now + .milliseconds(100))) {
      if isStopped() {
        stop(grace: .zero)
        throw fail(.stopped(environment: environment))
      }
      guard ContinuousClock.now < deadline else {
        stop(grace: .zero)
        throw fail(.workerSilent(environment: environment, timeout: timeout, lastLines: lastLines))
      }
    }
  }

  private func fail(_ error: EnvironmentError) -> EnvironmentError {
    ending = error
    return error
  }

  /// Waits for the socket (not if `event` is 0) or some output, which is kept; returns whether the socket is ready.
  private func poll(for event: Int32, until deadline: ContinuousClock.Instant) -> Bool {
    var waits = [
      pollfd(fd: event == 0 ? -1 : socket, events: Int16(event), revents: 0),
      pollfd(fd: output, events: Int16(POLLIN), revents: 0),
    ]
    let left = max(deadline - .now, .zero) / Duration.milliseconds(1)
    Glibc.poll(&waits, nfds_t(waits.count), Int32(min(left.rounded(.up), 1e9)))
    if waits[1].revents != 0 { keepOutput() }
    return waits[0].revents != 0
  }

  /// Reads what Python has printed and keeps its end.
  private func keepOutput() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    let count = read(output, &chunk, chunk.count)
    if count > 0 {
      lastOutput = (lastOutput + chunk[..<count]).suffix(8192)
    } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
      Glibc.close(output)
      output = -1
    }
  }

  private var lastLines: String {
    let lines = String(decoding: lastOutput, as: UTF8.self).split(separator: "\n").suffix(20)
    return lines.isEmpty ? "(none)" : lines.joined(separator: "\n")
  }

  /// Closes the socket, waits for Python to close its output, which it does by ending, and then makes sure that it has
  /// ended, and what it started.
  /// - Returns: how it ended.
  @discardableResult private func stop(grace: Duration) -> String {
    Glibc.close(socket)
    let deadline = ContinuousClock.now + grace
    repeat { _ = poll(for: 0, until: deadline) } while output >= 0 && ContinuousClock.now < deadline
    if output >= 0 { Glibc.close(output) }
    output = -1
    kill(-processIdentifier, SIGKILL)
    var status: Int32 = 0
    while waitpid(processIdentifier, &status, 0) < 0 && errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? "exit code \((status >> 8) & 0xff)" : "signal \(signal), \(String(cString: strsignal(signal)))"
  }
}

/// `value` in little-endian order.
func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
