#include "lts/measure/child_process.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "lts/base/clock.h"
#include "lts/base/error.h"

namespace lts {
namespace {

constexpr int kPollMs = 50;
// Once both outputs are closed the child is a moment from its end, or has closed them on purpose.
constexpr int kEndPollMs = 1;

[[noreturn]] void Fail(const std::string& what, int error) {
  throw Error(ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(error)));
}

class Descriptor {
 public:
  Descriptor() = default;
  // Takes `fd` and moves it above 2, so that no dup2 in the child can overwrite one that is still
  // needed.
  explicit Descriptor(int fd) : fd_(fd) {
    if (fd_ < 0 || fd_ > STDERR_FILENO) return;
    const int moved = fcntl(fd_, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int error = errno;
    close(fd_);
    fd_ = moved;
    if (moved < 0) Fail("child process: cannot duplicate a descriptor", error);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

// A stream socket for each direction, rather than a pipe: MSG_NOSIGNAL then keeps a child that does
// not read from killing us with SIGPIPE, without touching the signal handling of the whole process.
struct Channel {
  Descriptor ours;    // non-blocking
  Descriptor theirs;  // blocking
};

Channel MakeChannel() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    Fail("child process: cannot create a socket pair", errno);
  }
  Channel channel;
  channel.ours = Descriptor(fds[0]);
  channel.theirs = Descriptor(fds[1]);
  if (fcntl(channel.ours.get(), F_SETFL, O_NONBLOCK) != 0) {
    Fail("child process: cannot make a socket non-blocking", errno);
  }
  return channel;
}

// As exec wants them: ended by a null pointer, valid as long as `words`.
std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct MachineCode {
  unsigned char bits;  // EI_CLASS
  unsigned char byte_order;
  Elf64_Half machine;
  bool operator==(const MachineCode&) const = default;
};

// Of a program's file; nothing for a script and for what cannot be read. The fields stand at the
// same place in files of 32 and of 64 bits.
std::optional<MachineCode> MachineCodeOf(const std::string& program) {
  Elf64_Ehdr header;
  constexpr std::streamsize kBytes = offsetof(Elf64_Ehdr, e_machine) + sizeof(header.e_machine);
  std::ifstream file(program, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(&header), kBytes)) return std::nullopt;
  if (!std::equal(header.e_ident, header.e_ident + SELFMAG, ELFMAG)) return std::nullopt;
  return MachineCode{header.e_ident[EI_CLASS], header.e_ident[EI_DATA], header.e_machine};
}

// What to start `program` as: itself, or what LTS_EMULATOR says with the program's path.
std::vector<std::string> Started(const std::string& program) {
  // Set before any thread starts, never written.
  const char* emulator = std::getenv("LTS_EMULATOR");  // NOLINT(concurrency-mt-unsafe)
  if (emulator == nullptr || *emulator == '\0') return {program};
  const std::optional<MachineCode> code = MachineCodeOf(program);
  if (!code || code != MachineCodeOf("/proc/self/exe")) return {program};
  // To the emulator, /proc/self/exe is the emulator.
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(program, error);
  return {emulator, error ? program : path.string()};
}

// True when `environment` sets the variable of `assignment` ("NAME=value").
bool SetIn(const std::vector<std::string>& environment, std::string_view assignment) {
  const std::string_view name = assignment.substr(0, assignment.find('='));
  return std::ranges::any_of(
      environment, [name](std::string_view own) { return own.substr(0, own.find('=')) == name; });
}

// A started child. Killed and reaped at the latest when this object goes.
class Child {
 public:
  Child(const std::string& program, const std::vector<std::string>& arguments,
        const std::vector<std::string>& environment, int in, int out, int err) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    // What others opened without CLOEXEC stays ours: a database or a lock held by the child would
    // outlive us.
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    std::vector<std::string> words = Started(program);
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = environment;
    for (char** inherited = environ; *inherited != nullptr; ++inherited) {
      if (!SetIn(environment, *inherited)) variables.emplace_back(*inherited);
    }
    const int error = posix_spawn(&pid_, words.front().c_str(), &actions, &attributes,
                                  Pointers(words).data(), Pointers(variables).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      pid_ = -1;
      Fail(fmt::format("cannot start '{}'", words.front()), error);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { Kill(); }

  // True once the child has ended; then status() is valid.
  bool Reap(bool wait) {
    while (pid_ > 0) {
      const pid_t got = waitpid(pid_, &status_, wait ? 0 : WNOHANG);
      if (got == pid_) {
        pid_ = -1;
      } else if (got == 0) {
        return false;
      } else if (errno != EINTR) {
        const int error = errno;
        pid_ = -1;
        Fail("child process: cannot wait for it", error);
      }
    }
    return true;
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  int status() const { return status_; }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

// Reads what is there. Closes `from` at its end.
void Drain(Descriptor& from, std::string& to, std::size_t max_bytes) {
  std::array<char, 4096> buffer;
  while (from.open()) {
    const ssize_t got = read(from.get(), buffer.data(), buffer.size());
    if (got > 0) {
      to.append(buffer.data(), std::min(static_cast<std::size_t>(got), max_bytes - to.size()));
    } else if (got == 0) {
      from.Close();
    } else if (errno != EINTR) {
      if (errno != EAGAIN) from.Close();
      return;
    }
  }
}

// Writes what fits. Closes `to` when all is written or the child no longer reads.
void Feed(Descriptor& to, std::string_view& input) {
  while (to.open()) {
    if (input.empty()) {
      to.Close();
      return;
    }
    const ssize_t sent = send(to.get(), input.data(), input.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      input.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR) {
      if (errno != EAGAIN) to.Close();
      return;
    }
  }
}

}  // namespace

ChildProcessResult RunChildProcess(const std::string& program,
                                   const std::vector<std::string>& arguments,
                                   std::string_view input, const ChildProcessOptions& options) {
  using End = ChildProcessResult::End;
  Channel in = MakeChannel();
  Channel out = MakeChannel();
  Channel err = MakeChannel();
  Child child(program, arguments, options.environment, in.theirs.get(), out.theirs.get(),
              err.theirs.get());
  in.theirs.Close();
  out.theirs.Close();
  err.theirs.Close();

  SystemClock clock;
  const std::int64_t begin = clock.NowNs();
  ChildProcessResult result;
  bool ended = false;
  while (!ended) {
    std::array<pollfd, 3> polled = {pollfd{in.ours.get(), POLLOUT, 0},
                                    pollfd{out.ours.get(), POLLIN, 0},
                                    pollfd{err.ours.get(), POLLIN, 0}};
    const bool open = out.ours.open() || err.ours.open();
    poll(polled.data(), polled.size(), open ? kPollMs : kEndPollMs);
    ended = child.Reap(false);  // before reading: what it wrote is then all there
    Feed(in.ours, input);
    Drain(out.ours, result.out, options.max_output);
    Drain(err.ours, result.err, options.max_output);
    if (ended) break;
    if (options.stop && options.stop()) {
      child.Kill();
      result.end = End::kStopped;
      return result;
    }
    if (static_cast<double>(clock.NowNs() - begin) * 1e-9 > options.timeout_s) {
      child.Kill();
      result.end = End::kTimedOut;
      return result;
    }
  }
  const int status = child.status();
  result.end = WIFSIGNALED(status) ? End::kSignalled : End::kExited;
  result.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace lts
