import { Heading } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';

export default function DashboardPage() {
  return (
    <Heading as="h1" size="6">
      {texts.dashboard.title}
    </Heading>
  );
}
