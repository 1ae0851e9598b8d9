import Foundation

/// Files whose place says what they are. A pipe or a device there has no end, or lets wait for someone who writes.
public enum RegularFile {
  /// Why there is nothing to read, in words such as `it is a folder`, or what the system says.
  public struct Failure: Error, Equatable, CustomStringConvertible {
    public let description: String
    /// Whether nothing has that name.
    public let isMissing: Bool

    init(_ description: String, isMissing: Bool = false) {
      (self.description, self.isMissing) = (description, isMissing)
    }

    fileprivate static var system: Failure { Failure(String(cString: strerror(errno)), isMissing: errno == ENOENT) }
  }

  /// Opens a file to read it; whoever gets the descriptor closes it.
  /// - Throws: `Failure`.
  public static func open(_ path: String) throws -> Int32 {
    // Without waiting for a pipe's other end.
    let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw errno == ENXIO ? Failure("it is a socket, not a file") : Failure.system }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw Failure("it is \(kind(status.st_mode & S_IFMT)), not a file")
    }
    return descriptor
  }

  /// Opens a file to read it.
  /// - Throws: `Failure`.
  public static func handle(_ url: URL) throws -> FileHandle {
    FileHandle(fileDescriptor: try open(url.path), closeOnDealloc: true)
  }

  /// All bytes of a file.
  /// - Throws: `Failure`.
  public static func contents(of url: URL) throws -> Data {
    let file = try handle(url)
    do { return try file.readToEnd() ?? Data() } catch { throw Failure(error.localizedDescription) }
  }

  private static func kind(_ type: mode_t) -> String {
    switch type {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a pipe"
    default: "a device"
    }
  }
}
