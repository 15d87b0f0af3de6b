using System.Security.Cryptography;
using Metering.Engine;
using Microsoft.AspNetCore.DataProtection;

namespace Metering.Gateway.Payments;

/// <summary>
/// Encrypts what must not lie in the database in plain text: a key that waits to be claimed, a mail with a key in it. The key ring is a
/// folder beside the database, readable by its owner alone; a copy of the database without it gives nothing away.
/// </summary>
internal sealed class KeyVault
{
    private readonly Lazy<IDataProtector> protector;
    private readonly string? ring;

    /// <param name="folder">
    /// The key ring's folder, made at the first use, so that a server that sells nothing needs no place for it; null to keep the ring in memory, for
    /// stores that are in memory too.
    /// </param>
    public KeyVault(string? folder)
    {
        ring = folder;
        protector = new(() => OpenRing(folder).CreateProtector(nameof(KeyVault)), LazyThreadSafetyMode.PublicationOnly);
    }

    /// <summary>Opens the ring now, for a server that sells: one whose ring cannot be written would take money and hand no key out.</summary>
    /// <exception cref="MeteringStartupException">The folder cannot be made, read or written.</exception>
    public void Open()
    {
        try
        {
            _ = Protect(nameof(KeyVault));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new MeteringStartupException(
                $"Metering:Payments:KeyRing, the folder {ring}, cannot be opened ({error.Message}); name a folder that this process owns and may write, or set Metering:Payments:Provider to none.");
        }
    }

    /// <summary>The text, encrypted.</summary>
    public string Protect(string text) => protector.Value.Protect(text);

    /// <summary>The text again; null where the ring does not hold the key that it was encrypted with.</summary>
    public string? TryUnprotect(string protectedText)
    {
        try
        {
            return protector.Value.Unprotect(protectedText);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    // Apart from the host's own data protection, whose ring is another's affair and whose keys may be anywhere.
    private static IDataProtectionProvider OpenRing(string? folder) => folder is null
        ? new EphemeralDataProtectionProvider()
        : DataProtectionProvider.Create(PrivateFolder.Make(folder), builder => builder.SetApplicationName("metering"));
}

/// <summary>Folders that only their owner may enter.</summary>
internal static class PrivateFolder
{
    /// <summary>Makes a folder with mode 0700, and takes every right of others to one that is there.</summary>
    public static DirectoryInfo Make(string path)
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        if (OperatingSystem.IsWindows())
        {
            return Directory.CreateDirectory(path); // It inherits the rights of the folder around it.
        }

        var folder = Directory.CreateDirectory(path, Owner);
        File.SetUnixFileMode(folder.FullName, Owner);
        return folder;
    }
}
