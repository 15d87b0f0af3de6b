namespace Metering.Gateway.Payments;

/// <summary>A mail that will never be taken, however often it is sent.</summary>
internal sealed class MailRefusedException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Refuses what would not stay in its own header line.</summary>
    /// <exception cref="MailRefusedException">The address is none, or the subject holds a control character.</exception>
    public static void ThrowIfUnsafe(string to, string subject)
    {
        if (!EmailAddress.IsValid(to))
        {
            throw new MailRefusedException($"the recipient is not {EmailAddress.Rule}");
        }

        if (subject.Any(char.IsControl))
        {
            throw new MailRefusedException("the subject holds a control character");
        }
    }
}
