using System.Diagnostics;
using Xunit;

namespace Metering.Proof.Tests;

/// <summary>Makes the libraries of the folder native, which a process loads before its C library.</summary>
internal static class NativeLibrary
{
    private static readonly string[] Compilers = ["cc", "gcc", "clang"];

    private static readonly string? Compiler = Compilers.SelectMany(name =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    /// <summary>Why this machine cannot have them; null where it can.</summary>
    public static string? WhyNot { get; } =
        !OperatingSystem.IsLinux() ? "LEFT OUT: losses of power, faults of the disk and clocks apart need Linux, where a preloaded library can stand in for the disk and the clock. Run the tests there."
        : Compiler is null ? "LEFT OUT: losses of power, faults of the disk and clocks apart need a C compiler, and there is none here. Install one (Debian, Ubuntu: apt-get install gcc libc6-dev)."
        : null;

    /// <summary>Compiles a source of the folder native.</summary>
    /// <param name="source">Its file name.</param>
    /// <param name="library">The library to make.</param>
    public static void Compile(string source, string library)
    {
        using var compiler = Process.Start(
            new ProcessStartInfo(Compiler!, ["-O2", "-shared", "-fPIC", "-o", library, Path.Combine(AppContext.BaseDirectory, "native", source), "-ldl", "-lpthread"])
            {
                RedirectStandardError = true,
            })!;
        var errors = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        Assert.True(compiler.ExitCode == 0, errors);
    }
}
