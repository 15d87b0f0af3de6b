using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>A test that needs Linux; left out, with a word, elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute() => Skip = OperatingSystem.IsLinux() ? null : "LEFT OUT: mails to a server whose certificate the system trusts, which is set for one process only on Linux (SSL_CERT_FILE). Run the tests there.";
}
