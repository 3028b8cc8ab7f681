/* realm-cpp's own tests include this header of Realm Core and use nothing of it. */
#pragma once
